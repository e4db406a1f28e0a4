//! Reads from a server's own report if it forgets keys when its memory is full.

/// True if a server that gives this answer to `INFO memory` evicts keys: it has a limit, and a policy
/// other than to refuse writes.
pub fn evicts(info: &str) -> bool {
    let field = |name: &str| {
        let mut values = info.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(str::trim)
    };
    let has_limit = field("maxmemory").is_some_and(|limit| limit != "0");
    has_limit && field("maxmemory_policy").is_some_and(|policy| policy != "noeviction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: &str, policy: &str, expected: bool) {
        let info = format!(
            "# Memory\r\nused_memory:1\r\nmaxmemory:{limit}\r\nmaxmemory_human:0B\r\n\
             maxmemory_policy:{policy}\r\n"
        );
        assert_eq!(evicts(&info), expected, "{info}");
    }

    #[test]
    fn a_server_with_a_limit_evicts_unless_its_policy_is_to_refuse_writes() {
        check("1048576", "allkeys-lru", true);
        // Every key of ours has an expiry.
        check("1048576", "volatile-ttl", true);
        check("1048576", "noeviction", false);
        check("0", "allkeys-lru", false);
    }

    #[test]
    fn a_server_that_does_not_tell_counts_as_one_that_keeps_its_keys() {
        assert!(!evicts(""));
        assert!(!evicts("maxmemory:1048576"));
    }
}
