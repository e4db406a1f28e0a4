//! Follows a provider's list page by page, within bounds.
//!
//! # Limits
//! A list has at most 1,000 pages and 64 MiB. An empty page with a next one, or a next page that
//! was read before, is an error: a list that ends by itself has neither.

use crate::event::provider::Provider;
use crate::webhooks::error::Error;
use std::collections::BTreeSet;

/// The pages of one list that were read so far.
#[derive(Debug)]
pub struct Pages {
    provider: Provider,
    bytes: usize,
    read: BTreeSet<String>,
}

/// A page that was read.
#[derive(Debug)]
pub struct Page {
    /// The hooks on it.
    pub hooks: usize,
    /// The length of its body.
    pub bytes: usize,
    /// The name of the next page, from the provider.
    pub next: Option<String>,
}

impl Pages {
    /// Begins with the page of this name.
    pub fn beginning_with(provider: Provider, first: &str) -> Self {
        Self { provider, bytes: 0, read: BTreeSet::from([first.to_owned()]) }
    }

    /// Returns the page to read after this one; `None` at the end of the list.
    pub fn after(&mut self, page: Page) -> Result<Option<String>, Error> {
        self.bytes = self.bytes.saturating_add(page.bytes);
        let Some(next) = page.next else { return Ok(None) };
        let fault = if page.hooks == 0 {
            Some("an empty page names a next one")
        } else if self.bytes > MAX_BYTES {
            Some("it is longer than 64 MiB")
        } else if self.read.len() >= MAX_PAGES {
            Some("it has more than 1,000 pages")
        } else if !self.read.insert(next.clone()) {
            Some("the next page is one that was read already")
        } else {
            None
        };
        match fault {
            None => Ok(Some(next)),
            Some(reason) => Err(Error::Unreadable {
                provider: self.provider,
                status: 200,
                expected: "a list of hooks",
                reason: reason.to_owned(),
            }),
        }
    }
}

/// 20,000 hooks at Onshape, 200,000 at APS.
const MAX_PAGES: usize = 1_000;
/// A hook has about a kilobyte.
const MAX_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(hooks: usize, next: &str) -> Page {
        Page { hooks, bytes: 1_000, next: Some(next.to_owned()) }
    }

    #[test]
    fn a_list_ends_by_itself_or_with_an_error() {
        let mut pages = Pages::beginning_with(Provider::Aps, "0");
        for number in 1..1_000 {
            let next = number.to_string();
            assert_eq!(pages.after(page(1, &next)).unwrap(), Some(next));
        }

        assert!(pages.after(page(1, "1000")).unwrap_err().to_string().contains("1,000 pages"));
        let last = Page { next: None, ..page(0, "") };
        assert_eq!(pages.after(last).unwrap(), None);
        for (page, fault) in [
            (page(0, "1"), "empty page"),
            (page(1, "0"), "read already"),
            (Page { bytes: MAX_BYTES + 1, ..page(1, "1") }, "64 MiB"),
        ] {
            let error = Pages::beginning_with(Provider::Onshape, "0").after(page).unwrap_err();
            assert!(error.to_string().contains(fault), "{error}");
        }
    }
}
