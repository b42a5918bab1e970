//! Which `Host` a request may name and which `Origin` it may come from. A page of a foreign site
//! that makes its name point at this machine (DNS rebinding) carries that name, and ends here.

use std::net::{IpAddr, SocketAddr};

use crate::config::HttpConfig;

/// Names of this machine that need no configuration.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether an authority (`host` or `host:port`) is ours: a loopback name or the address we listen on, with
/// our port, or one of the configured hosts. A configured host without a port stands for every port.
pub(super) fn allowed(authority: &str, listen: Option<SocketAddr>, config: &HttpConfig) -> bool {
    let (name, given) = split(authority);
    let ours = |listen: SocketAddr| {
        let loopback = LOOPBACK.iter().any(|known| known.eq_ignore_ascii_case(name));
        // An address cannot be made to point elsewhere as a name can.
        let own = !listen.ip().is_unspecified() && address(listen).eq_ignore_ascii_case(name);
        given.unwrap_or(80) == listen.port() && (loopback || own)
    };
    if listen.is_some_and(ours) {
        return true;
    }
    config.hosts.iter().any(|host| {
        let (known, known_port) = split(host);
        known.eq_ignore_ascii_case(name) && (known_port.is_none() || known_port == given)
    })
}

fn address(listen: SocketAddr) -> String {
    match listen.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// What an `Origin` may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OriginKind {
    /// It is one of our own hosts: let in, and told nothing of CORS.
    Own,
    /// It is listed: let in, with CORS answers.
    Listed,
    /// It is neither.
    Foreign,
}

/// Sorts an `Origin`.
pub(super) fn origin(origin: &str, listen: Option<SocketAddr>, config: &HttpConfig) -> OriginKind {
    if config.origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin)) {
        return OriginKind::Listed;
    }
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match authority {
        Some(authority) if allowed(authority, listen, config) => OriginKind::Own,
        _ => OriginKind::Foreign,
    }
}

// `[::1]:80`, `::1` in brackets only; a port that is no number belongs to the name, which then matches nothing.
fn split(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && !port.contains(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (authority, None),
        },
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Option<SocketAddr> {
        Some(address.parse().expect("an address"))
    }

    fn config(hosts: &[&str], origins: &[&str]) -> HttpConfig {
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        HttpConfig { hosts: own(hosts), origins: own(origins) }
    }

    #[test]
    fn hosts() {
        let config = config(&["box.example", "other.example:8443"], &[]);
        let good = [
            "localhost:7420",
            "127.0.0.1:7420",
            "[::1]:7420",
            "LOCALHOST:7420",
            "box.example",
            "box.example:9",
            "other.example:8443",
        ];
        for host in good {
            assert!(allowed(host, at("127.0.0.1:7420"), &config), "{host}");
        }
        let bad = [
            "",
            "localhost",
            "localhost:7421",
            "127.0.0.2:7420",
            "evil.example:7420",
            "other.example",
            "localhost.evil.example:7420",
            "localhost:7420:7420",
            "::1:7420",
            "box.example.evil",
            "[::1]",
            "localhost:",
            "localhost:07420x",
        ];
        for host in bad {
            assert!(!allowed(host, at("127.0.0.1:7420"), &config), "{host}");
        }
        assert!(allowed("localhost", at("127.0.0.1:80"), &config), "80 is the port that is not written");
        assert!(allowed("192.0.2.7:7420", at("192.0.2.7:7420"), &config));
        assert!(!allowed("0.0.0.0:7420", at("0.0.0.0:7420"), &config));
    }

    #[test]
    fn origins() {
        let config = config(&["box.example"], &["https://app.example"]);
        let cases = [
            ("http://127.0.0.1:7420", OriginKind::Own),
            ("https://box.example", OriginKind::Own),
            ("https://app.example", OriginKind::Listed),
            ("http://app.example", OriginKind::Foreign),
            ("null", OriginKind::Foreign),
            ("http://evil.example", OriginKind::Foreign),
            ("http://127.0.0.1:7421", OriginKind::Foreign),
            ("file://", OriginKind::Foreign),
        ];
        for (given, kind) in cases {
            assert_eq!(origin(given, at("127.0.0.1:7420"), &config), kind, "{given}");
        }
    }
}
