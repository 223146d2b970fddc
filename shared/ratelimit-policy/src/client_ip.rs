//! Who is at the other end: the peer, or an address that a trusted proxy wrote into `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use policy_core::{Attribute, Exchange, HeaderName};

/// As long as an address with brackets, zone and port may be, in bytes; an entry beyond is garbage.
const LONGEST: usize = 64;

/// A client's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// IPv4, also where it came as IPv4 within IPv6 (`::ffff:10.0.0.1`).
    V4(Ipv4Addr),
    /// IPv6, without its zone.
    V6(Ipv6Addr),
    /// What the proxy calls a peer that has no address: a Unix socket, an internal listener.
    Other(Vec<u8>),
}

static FORWARDED_FOR: HeaderName = HeaderName::known("x-forwarded-for");

/// How the client is found.
#[derive(Debug, Clone)]
pub struct ClientIp {
    trusted_hops: usize,
}

impl ClientIp {
    /// So many proxies in front whose entry is believed; with 0 the client is the peer as Envoy sees it.
    #[must_use]
    pub fn new(trusted_hops: usize) -> Self {
        Self { trusted_hops }
    }

    /// The client of a request.
    ///
    /// One hop after the other is taken from the right end of all lines of `X-Forwarded-For`. Where Envoy has put in the
    /// peer itself already, that entry is no hop. What is no address, or is not there, ends the walk: the client is then
    /// the last one found, of which the nearest trusted proxy spoke.
    #[must_use]
    pub fn of(&self, exchange: &Exchange<'_>) -> Option<Client> {
        let peer = exchange.attribute(Attribute::SourceAddress).filter(|peer| !peer.is_empty());
        // No peer has port 0: Envoy has read this address in the header's last entry, and has put in nothing.
        let is_read = peer.as_ref().is_some_and(|peer| peer.ends_with(b":0"));
        let mut client = peer.map(|peer| match parse(&peer) {
            Some(address) => address,
            None => Client::Other(peer),
        });
        if self.trusted_hops == 0 {
            return client;
        }
        let lines: Vec<&[u8]> = exchange.headers.values(&FORWARDED_FOR).collect();
        let mut entries =
            lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')).map(parse).peekable();
        if let Some(peer) = client.as_ref().filter(|_| !is_read) {
            entries.next_if(|entry| entry.as_ref() == Some(peer));
        }
        for entry in entries.take(self.trusted_hops) {
            match entry {
                Some(address) => client = Some(address),
                None => break,
            }
        }
        client
    }
}

/// Reads `10.0.0.1`, `10.0.0.1:80`, `::1`, `[::1]`, `[::1]:80`, each with blanks around; a zone (`%eth0`) is cut off.
#[must_use]
pub fn parse(text: &[u8]) -> Option<Client> {
    let text = text.trim_ascii();
    if text.len() > LONGEST {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let address = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address = without_zone(address).parse::<Ipv6Addr>().ok()?;
            (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(IpAddr::V6(address))?
        }
        // More than one colon: IPv6, which has no port without brackets.
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => {
                is_port(port).then(|| address.parse::<Ipv4Addr>().ok()).flatten().map(IpAddr::V4)?
            }
            Some(_) => IpAddr::V6(without_zone(text).parse().ok()?),
            None => IpAddr::V4(text.parse().ok()?),
        },
    };
    Some(match address.to_canonical() {
        IpAddr::V4(address) => Client::V4(address),
        IpAddr::V6(address) => Client::V6(address),
    })
}

fn without_zone(address: &str) -> &str {
    address.split_once('%').map_or(address, |(address, _)| address)
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// The first `bits` of an IPv4 address, the rest 0.
#[must_use]
pub fn mask_v4(address: Ipv4Addr, bits: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

/// The first `bits` of an IPv6 address, the rest 0.
#[must_use]
pub fn mask_v6(address: Ipv6Addr, bits: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use policy_core::table::Table;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn shown(client: Option<Client>) -> String {
        match client {
            None => "-".to_owned(),
            Some(Client::V4(address)) => address.to_string(),
            Some(Client::V6(address)) => address.to_string(),
            Some(Client::Other(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// The client of a request from `peer` with these lines of `X-Forwarded-For`.
    fn client(hops: usize, peer: &str, lines: &[&str]) -> String {
        let headers: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let table = Table::of(&headers).with(Attribute::SourceAddress, peer);
        shown(ClientIp::new(hops).of(&Exchange::new(&table)))
    }

    #[test]
    fn an_address_is_read_in_every_form() {
        for (text, address) in [
            ("10.0.0.1", "10.0.0.1"),
            (" 10.0.0.1\t", "10.0.0.1"),
            ("10.0.0.1:8080", "10.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[2001:DB8::1]:443", "2001:db8::1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("[::ffff:a00:1]:9", "10.0.0.1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:1", "fe80::1"),
        ] {
            assert_eq!(shown(parse(text.as_bytes())), address, "{text}");
        }
    }

    #[test]
    fn garbage_is_no_address() {
        let long = format!("{}10.0.0.1", "0".repeat(100));
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "10.0.0",
            "10.0.0.256",
            "010.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:x",
            "10.0.0.1:123456",
            "10.0.0.1 10.0.0.2",
            "[10.0.0.1]",
            "[::1",
            "::1]",
            "[::1]80",
            "[::1]:",
            "::1::2",
            "1:2:3:4:5:6:7:8:9",
            "\"::1\"",
            "é",
            &long,
            "10.0.0.1%eth0",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"10.0.0.\xff"), None);
    }

    #[test]
    fn nobody_is_believed_with_no_trusted_hops() {
        for (peer, lines, expected) in [
            ("10.9.9.9:80", &["1.1.1.1", "2.2.2.2"][..], "10.9.9.9"),
            ("[2001:db8::9]:80", &["1.1.1.1"], "2001:db8::9"),
            ("[::ffff:10.9.9.9]:80", &[], "10.9.9.9"),
            ("/run/client.sock", &["1.1.1.1"], "/run/client.sock"),
            ("", &["1.1.1.1"], "-"),
        ] {
            assert_eq!(client(0, peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn so_many_entries_from_the_right_are_believed() {
        for (hops, lines, expected) in [
            // The proxy in front wrote 7.7.7.7, the client the rest.
            (1, &["1.1.1.1, 7.7.7.7"][..], "7.7.7.7"),
            (1, &["1.1.1.1", "7.7.7.7"], "7.7.7.7"),
            (1, &["1.1.1.1,7.7.7.7 "], "7.7.7.7"),
            (2, &["1.1.1.1, 6.6.6.6", " 7.7.7.7"], "6.6.6.6"),
            // Envoy put in the peer already.
            (1, &["1.1.1.1, 7.7.7.7, 10.9.9.9"], "7.7.7.7"),
            (2, &["6.6.6.6,7.7.7.7", "10.9.9.9"], "6.6.6.6"),
            (1, &["7.7.7.7,10.9.9.9,10.9.9.9"], "10.9.9.9"),
            // Less than there should be: the one who is known best.
            (1, &[], "10.9.9.9"),
            (3, &["6.6.6.6, 7.7.7.7"], "6.6.6.6"),
            (3, &["10.9.9.9"], "10.9.9.9"),
            // Garbage: the hop to its right.
            (2, &["6.6.6.6, unknown, 7.7.7.7"], "7.7.7.7"),
            (1, &["7.7.7.7, unknown"], "10.9.9.9"),
            (1, &["7.7.7.7,"], "10.9.9.9"),
            (2, &["6.6.6.6,,7.7.7.7"], "7.7.7.7"),
            (2, &["6.6.6.6", "", "7.7.7.7"], "7.7.7.7"),
            (1, &["[2001:db8::7]:1234"], "2001:db8::7"),
            (1, &["::ffff:7.7.7.7"], "7.7.7.7"),
        ] {
            assert_eq!(client(hops, "10.9.9.9:80", lines), expected, "{hops} {lines:?}");
        }
        assert_eq!(client(1, "/run/proxy.sock", &["7.7.7.7"]), "7.7.7.7");
        assert_eq!(client(1, "", &["7.7.7.7"]), "7.7.7.7");
    }

    #[test]
    fn an_entry_that_envoy_took_for_the_peer_is_a_hop() {
        for (hops, lines, expected) in [
            (0, &["6.6.6.6, 7.7.7.7"][..], "7.7.7.7"),
            (1, &["6.6.6.6, 7.7.7.7"], "7.7.7.7"),
            (2, &["6.6.6.6, 7.7.7.7"], "6.6.6.6"),
            (1, &["forged", "7.7.7.7"], "7.7.7.7"),
        ] {
            assert_eq!(client(hops, "7.7.7.7:0", lines), expected, "{hops} {lines:?}");
        }
        assert_eq!(client(1, "[2001:db8::7]:0", &["::1, 2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn an_address_is_cut_to_its_prefix() {
        let v4 = Ipv4Addr::new(10, 1, 2, 3);
        for (bits, expected) in
            [(0, "0.0.0.0"), (8, "10.0.0.0"), (24, "10.1.2.0"), (32, "10.1.2.3"), (255, "10.1.2.3")]
        {
            assert_eq!(mask_v4(v4, bits).to_string(), expected, "{bits}");
        }
        let v6: Ipv6Addr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        for (bits, expected) in
            [(0, "::"), (48, "2001:db8:1::"), (64, "2001:db8:1:2::"), (128, "2001:db8:1:2:3:4:5:6")]
        {
            assert_eq!(mask_v6(v6, bits).to_string(), expected, "{bits}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        /// Whatever the client writes, what trusted proxies write to its right decides.
        #[test]
        fn a_client_cannot_choose_its_address(
            own in proptest::collection::vec("[ -~\u{80}-\u{ff}]{0,40}", 0..4), hops in 1_usize..4, appended: bool,
        ) {
            let trusted = ["7.0.0.1", "7.0.0.2", "7.0.0.3"];
            let mut lines: Vec<&str> = own.iter().map(String::as_str).collect();
            lines.extend(&trusted[..hops]);
            lines.extend(appended.then_some("10.9.9.9"));
            proptest::prop_assert_eq!(client(hops, "10.9.9.9:80", &lines), "7.0.0.1");
            let (last, rest) = lines.split_last().unwrap();
            let joined = format!("{},{last}", rest.join(","));
            proptest::prop_assert_eq!(client(hops, "10.9.9.9:80", &[&joined]), "7.0.0.1");
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
