use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::*;

/// F-W12.
#[test]
fn no_address_that_is_not_public_passes() {
    let policy = TargetPolicy::default();
    for text in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "1::1",
        "::1:0:0:0:1",
        "64:ff9b:2::1",
        "100::1",
        "200::1",
        "400::1",
        "1000::1",
        "1fff:ffff::1",
        "3ffe::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "8000::1",
        "e000::1",
        "fe00::1",
    ] {
        assert_eq!(policy.check_address(text.parse().expect("an address")), Err(TargetRefused::Address), "{text}");
    }
    for text in ["8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2001:4860:4860::8888"] {
        assert_eq!(policy.check_address(text.parse().expect("an address")), Ok(()), "{text}");
    }
}

#[test]
fn an_address_in_disguise_is_seen_through() {
    let policy = TargetPolicy { https_only: false, ..TargetPolicy::default() };
    for text in [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://169.254.169.254./",
        "http://0x7f.0.0.0x1:80/",
        "http://1.2.3.4.5/",
    ] {
        assert_eq!(policy.check_url(text), Err(TargetRefused::Address), "{text}");
    }
}

#[test]
fn scheme_and_credentials_are_checked() {
    let policy = TargetPolicy::default();
    assert_eq!(policy.check_url("http://example.org/"), Err(TargetRefused::Scheme));
    assert_eq!(policy.check_url("ftp://example.org/"), Err(TargetRefused::Scheme));
    assert_eq!(policy.check_url("https://user@example.org/"), Err(TargetRefused::Credentials));
    assert_eq!(policy.check_url("https://:pass@example.org/"), Err(TargetRefused::Credentials));
    assert_eq!(policy.check_url("example.org/hook"), Err(TargetRefused::NotAUrl));
    for text in
        ["https://example.org/", "HTTPS://example.org", "https://xn--bcher-kva.example:8443?a=@", "https://h.:/"]
    {
        assert_eq!(policy.check_url(text), Ok(()), "{text}");
    }
}

#[test]
fn loopback_needs_the_allow_list() {
    assert_eq!(TargetPolicy::loopback().check_url("http://127.0.0.1:1/"), Ok(()));
    assert_eq!(TargetPolicy::loopback().check_url("http://[::1]:1/"), Ok(()));
    assert_eq!(TargetPolicy::loopback().check_url("http://10.0.0.1/"), Err(TargetRefused::Address));
}

#[test]
fn what_two_clients_read_in_two_ways_is_no_url() {
    let policy = TargetPolicy { https_only: false, ..TargetPolicy::default() };
    for text in [
        "",
        "https://",
        "https:///path",
        "https:/example.org",
        "https:example.org",
        "//example.org/",
        "://example.org/",
        "/https://example.org/",
        " https://example.org/",
        "https://exa mple.org/",
        "https://exam\tple.org/",
        "https://example.org\\@127.0.0.1/",
        "https://127.0.0.1\\.example.org/",
        "https://127%2e0.0.1/",
        "https://１２７.0.0.1/",
        "https://bücher.example/",
        "https://[::1%25eth0]/",
        "https://[::1/",
        "https://[127.0.0.1]/",
        "https://[2606:4700::1111]x/",
        "https://example.org:65536/",
        "https://example.org:+443/",
        "https://example..org/",
        "https://./",
    ] {
        assert_eq!(policy.check_url(text), Err(TargetRefused::NotAUrl), "{text:?}");
    }
}

#[test]
fn what_only_the_partner_reads_may_hold_any_visible_character() {
    let policy = TargetPolicy::default();
    for character in "\\\"<>^`{|}".chars() {
        for place in ["/a", "/?q=a", "?q=a", "#a"] {
            assert_eq!(policy.check_url(&format!("https://example.org{place}{character}")), Ok(()), "{character:?}");
        }
        for text in [format!("https://example{character}.org/"), format!("https://example.org{character}@127.0.0.1/")] {
            assert_eq!(policy.check_url(&text), Err(TargetRefused::NotAUrl), "{text:?}");
        }
    }
    for blank in [" ", "\t", "\n", "é", "\u{7f}"] {
        assert_eq!(
            policy.check_url(&format!("https://example.org/?q={blank}")),
            Err(TargetRefused::NotAUrl),
            "{blank:?}"
        );
    }
}

#[test]
fn credentials_cannot_hide_the_host() {
    let policy = TargetPolicy::default();
    for text in ["https://@example.org/", "https://a:b@c@example.org/", "https://example.org@127.0.0.1:443/"] {
        assert_eq!(policy.check_url(text), Err(TargetRefused::Credentials), "{text}");
    }
}

#[test]
fn only_the_ports_that_are_named_may_be_called() {
    let policy = TargetPolicy { https_only: false, ports: vec![443, 8443], ..TargetPolicy::default() };
    for text in ["https://example.org/", "https://example.org:8443/", "http://example.org:443/"] {
        assert_eq!(policy.check_url(text), Ok(()), "{text}");
    }
    for text in ["http://example.org/", "https://example.org:22/", "https://[2606:4700::1111]:6379/"] {
        assert_eq!(policy.check_url(text), Err(TargetRefused::Port), "{text}");
    }
}

#[test]
fn what_is_denied_is_refused_although_it_is_public_or_allowed() {
    let range = |text: &str| text.parse::<AddressRange>().expect("a range");
    let policy = TargetPolicy {
        allow: vec![range("10.0.0.0/8")],
        deny: vec![range("10.1.0.0/16"), range("8.8.8.8")],
        ..TargetPolicy::default()
    };
    for (text, expected) in [("10.2.0.1", true), ("10.1.0.1", false), ("8.8.8.8", false), ("8.8.4.4", true)] {
        assert_eq!(policy.check_address(text.parse().expect("an address")).is_ok(), expected, "{text}");
    }
}

#[test]
fn an_allowed_translation_opens_no_way_to_private_addresses() {
    let ranges = ["64:ff9b::/96", "2002::/16"].map(|text| text.parse().expect("a range"));
    let policy = TargetPolicy { allow: ranges.to_vec(), ..TargetPolicy::default() };
    for (text, expected) in [
        ("64:ff9b::8.8.8.8", true),
        ("64:ff9b::10.0.0.1", false),
        ("64:ff9b::169.254.169.254", false),
        ("2002:808:808::1", true),
        ("2002:a00:1::1", false),
    ] {
        assert_eq!(policy.check_address(text.parse().expect("an address")).is_ok(), expected, "{text}");
    }
}

/// RFC 8215 leaves the length of the prefix to the network: beyond the first /96, where the IPv4 address stands is unknown.
#[test]
fn no_address_of_a_local_translation_is_judged_by_the_wrong_bits() {
    for allowed in ["64:ff9b:1::/48", "64:ff9b:1:a00::/56", "::/0"] {
        let policy = TargetPolicy { allow: vec![allowed.parse().expect("a range")], ..TargetPolicy::default() };
        // 10.0.0.1 and 169.254.169.254 by a /48, 10.0.0.1 by a /56 and a /64, a public address in the last 32 bits of each.
        for text in [
            "64:ff9b:1:a00:0:100:808:808",
            "64:ff9b:1:a9fe:a9:fe00:808:808",
            "64:ff9b:1:a:0:1:808:808",
            "64:ff9b:1:0:a:0:108:808",
            "64:ff9b:1::10.0.0.1",
        ] {
            let checked = policy.check_address(text.parse().expect("an address"));
            assert_eq!(checked, Err(TargetRefused::Address), "{text} with {allowed}");
        }
    }
    let policy = TargetPolicy { allow: vec!["64:ff9b:1::/48".parse().expect("a range")], ..TargetPolicy::default() };
    assert_eq!(policy.check_address("64:ff9b:1::8.8.8.8".parse().expect("an address")), Ok(()));
}

#[test]
fn only_public_addresses_of_a_name_are_connected_to() {
    let found = ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0"].map(|text| text.parse::<SocketAddr>().expect("an address"));
    assert_eq!(TargetPolicy::default().passing(found), Ok(vec![found[1]]));
    assert_eq!(TargetPolicy::default().passing([found[0]]), Err(TargetRefused::Address));
}

#[test]
fn a_policy_is_read_from_a_file_and_mistakes_in_it_are_told() {
    let policy: TargetPolicy = serde_json::from_str(r#"{"allow": ["10.0.0.0/8"], "ports": [443]}"#).expect("a policy");
    assert!(policy.https_only && policy.check_address(Ipv4Addr::new(10, 0, 0, 1).into()).is_ok());
    assert!(serde_json::from_str::<TargetPolicy>(r#"{"alow": []}"#).is_err());
}

/// Ranges that nothing outside may make us call, with their widths.
const PRIVATE: [([u8; 4], u32); 9] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn private() -> impl Strategy<Value = Ipv4Addr> {
    (0..PRIVATE.len(), any::<u32>()).prop_map(|(index, random)| {
        let (network, prefix) = PRIVATE[index];
        Ipv4Addr::from_bits(u32::from_be_bytes(network) | (random & (u32::MAX >> prefix)))
    })
}

/// Every way to write an IPv4 address as an IPv6 one.
fn forms(inner: Ipv4Addr, random: u64) -> Vec<Ipv6Addr> {
    let low = u128::from(inner.to_bits());
    let ending = |prefix: &str| Ipv6Addr::from_bits(prefix.parse::<Ipv6Addr>().expect("an address").to_bits() | low);
    let in_6to4 = 0x2002_u128 << 112 | low << 80 | u128::from(random);
    let teredo = 0x2001_u128 << 112 | u128::from(random) << 32 | u128::from(!inner.to_bits());
    vec![
        ending("::"),
        ending("::ffff:0:0"),
        ending("::ffff:0:0:0"),
        ending("64:ff9b::"),
        ending("64:ff9b:1::"),
        Ipv6Addr::from_bits(in_6to4),
        Ipv6Addr::from_bits(teredo),
    ]
}

proptest! {
    #[test]
    fn no_private_address_passes_in_any_form(inner in private(), random: u64) {
        let policy = TargetPolicy { https_only: false, ..TargetPolicy::default() };
        prop_assert!(policy.check_address(inner.into()).is_err());
        let [a, b, c, d] = inner.octets();
        let bits = inner.to_bits();
        for text in [
            format!("http://{inner}/"),
            format!("http://{bits}/"),
            format!("http://0x{bits:x}/"),
            format!("http://0{bits:o}/"),
            format!("http://0x{a:x}.0{b:o}.{c}.{d}./"),
            format!("http://{a}.{}/", bits & 0x00ff_ffff),
        ] {
            prop_assert_eq!(policy.check_url(&text), Err(TargetRefused::Address), "{}", text);
        }
        for form in forms(inner, random) {
            prop_assert!(policy.check_address(form.into()).is_err(), "{}", form);
            prop_assert_eq!(policy.check_url(&format!("http://[{form}]/")), Err(TargetRefused::Address));
        }
    }

    #[test]
    fn an_allowed_translation_judges_what_it_translates(inner: [u8; 4], random: u64) {
        let inner = Ipv4Addr::from(inner);
        let everything = TargetPolicy { allow: vec!["::/0".parse().expect("a range")], ..TargetPolicy::default() };
        let public = TargetPolicy::default().check_address(inner.into()).is_ok();
        for form in &forms(inner, random)[1..6] {
            prop_assert_eq!(everything.check_address(IpAddr::V6(*form)).is_ok(), public, "{}", form);
        }
    }

    #[test]
    fn no_text_panics_and_none_with_a_loopback_host_passes(text in "\\PC{0,40}", path in "[!-~]{0,20}", user in "[a-zA-Z0-9:@._~%!-]{0,40}") {
        let policy = TargetPolicy { https_only: false, ..TargetPolicy::default() };
        let _ = policy.check_url(&text);
        let (own, hidden) = (format!("http://127.0.0.1/{path}"), format!("http://{user}@127.0.0.1/"));
        prop_assert!(policy.check_url(&own).is_err());
        prop_assert!(policy.check_url(&hidden).is_err());
    }
}
