//! Decides who may request a change: an operator, but no page that an operator happens to have
//! open.
//!
//! With a token, the guard has checked it already. Without one the peer must be this machine, and
//! the request must name us by a name of this machine: a page can make its own name point here, and
//! would then be of the same origin.

use crate::http::admin::Admin;
use crate::http::error::Problem;
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use std::net::IpAddr;

/// The guard of the listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guard {
    /// Every request that comes this far has shown the token.
    Token,
    /// Any request comes this far.
    Nothing,
}

impl Admin {
    /// Admits a request for a change, or returns the reason for refusing it.
    pub(super) fn may_change(&self, request: &HttpRequest) -> Result<(), Problem> {
        let guard = if self.token.load().is_some() { Guard::Token } else { Guard::Nothing };
        admit(request, guard)
    }
}

/// Admits the request, or returns the reason for refusing it.
pub fn admit(request: &HttpRequest, guard: Guard) -> Result<(), Problem> {
    let headers = request.headers();
    if !is_same_origin(headers) {
        return Err(Problem::CrossSite);
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let is_local = peer.is_some_and(is_loopback) && host(headers).is_some_and(is_name_of_ours);
    if guard == Guard::Token || is_local { Ok(()) } else { Err(Problem::Stranger) }
}

/// Browsers send the origin of a request; other clients send none.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin = text("origin").is_none_or(|origin| {
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        from.zip(host(headers)).is_some_and(|(from, host)| from.eq_ignore_ascii_case(host))
    });
    site && origin
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

fn is_loopback(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

/// `localhost` or an address, with or without a port.
fn is_name_of_ours(host: &str) -> bool {
    let name = name_of(host);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// `localhost` or a loopback address, with or without a port.
pub fn is_loopback_name(host: &str) -> bool {
    let name = name_of(host);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
}

fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[track_caller]
    fn check(peer: &str, headers: &[(&str, &str)], guard: Guard, expected: Result<(), Problem>) {
        let request = TestRequest::post().peer_addr(format!("{peer}:4000").parse().unwrap());
        let request =
            headers.iter().fold(request, |request, header| request.insert_header(*header));

        assert_eq!(admit(&request.to_http_request(), guard), expected, "{peer} {headers:?}");
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:9464");

    #[test]
    fn without_a_token_only_this_machine_may_change_something() {
        for peer in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
            check(peer, &[HERE], Guard::Nothing, Ok(()));
        }
        check("127.0.0.1", &[("host", "localhost:9464")], Guard::Nothing, Ok(()));
        check("127.0.0.1", &[("host", "[::1]:9464")], Guard::Nothing, Ok(()));
        check("10.0.0.7", &[HERE], Guard::Nothing, Err(Problem::Stranger));
        check("10.0.0.7", &[HERE], Guard::Token, Ok(()));
    }

    #[test]
    fn a_page_of_another_site_may_not_whoever_has_it_open() {
        let denied = Err(Problem::CrossSite);
        for guard in [Guard::Nothing, Guard::Token] {
            for (header, value) in [
                ("origin", "https://evil.example"),
                ("origin", "null"),
                ("origin", "http://127.0.0.1:8000"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
            ] {
                check("127.0.0.1", &[HERE, (header, value)], guard, denied);
            }
            check("127.0.0.1", &[HERE, ("origin", "http://127.0.0.1:9464")], guard, Ok(()));
            check("127.0.0.1", &[HERE, ("sec-fetch-site", "same-origin")], guard, Ok(()));
        }
    }

    #[test]
    fn a_page_whose_name_points_to_this_machine_may_not() {
        let rebound = [("host", "evil.example:9464"), ("origin", "http://evil.example:9464")];

        check("127.0.0.1", &rebound, Guard::Nothing, Err(Problem::Stranger));
    }
}
