//! What each reader finds, and what only looks like it.

use proptest::prelude::*;

use super::*;

/// Everything, however unsure.
fn finder() -> Finder {
    Finder::new(
        PerKind::from_fn(|_| Some(Confidence::Low)),
        Nearby::default(),
    )
}

/// What is found in the text with at least this confidence: kind and text.
fn found(text: &str, least: Confidence) -> Vec<(Kind, String)> {
    let mut finder = finder();
    let findings = finder.find(text.as_bytes()).iter();
    findings
        .filter(|one| one.confidence >= least)
        .map(|one| (one.kind, text[one.range.clone()].to_owned()))
        .collect()
}

fn finds(kind: Kind, least: Confidence, texts: &[(&str, &str)]) {
    for (text, part) in texts {
        let all = found(text, least);
        assert_eq!(all, [(kind, (*part).to_owned())], "{text}");
    }
}

fn passes(least: Confidence, texts: &[&str]) {
    for text in texts {
        assert_eq!(found(text, least), [], "{text}");
    }
}

#[test]
fn addresses() {
    finds(
        Kind::Email,
        Confidence::High,
        &[
            ("ada@example.com", "ada@example.com"),
            (
                "Write to Ada.L+x@mail.example.co.uk, please.",
                "Ada.L+x@mail.example.co.uk",
            ),
            ("<ada@example.com>", "ada@example.com"),
            ("'ada@example.com'", "ada@example.com"),
            ("mailto:ada@example.com?subject=x", "ada@example.com"),
            ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
            ("o'neil@example.org.", "o'neil@example.org"),
        ],
    );
    finds(
        Kind::Email,
        Confidence::Medium,
        &[("żaneta@bücher.example!", "żaneta@bücher.example")],
    );
    finds(
        Kind::Email,
        Confidence::Low,
        &[("root@localhost", "root@localhost")],
    );
    passes(
        Confidence::Medium,
        &[
            "@ada",
            "ada@",
            "a @ b.example",
            "@",
            "x@y",
            "5 pcs @ 3.50",
            "a@-",
            "a@b..example",
            "a@1.2",
        ],
    );
}

#[test]
fn cards() {
    finds(
        Kind::Card,
        Confidence::High,
        &[
            ("4111111111111111", "4111111111111111"),
            ("4111 1111 1111 1111 exp 12/29", "4111 1111 1111 1111"),
            ("no. 5500-0000-0000-0004.", "5500-0000-0000-0004"),
            ("3782 822463 10005", "3782 822463 10005"),
            ("12 4111 1111 1111 1111", "4111 1111 1111 1111"),
            ("paid by card 6011000990139424 today", "6011000990139424"),
        ],
    );
    finds(
        Kind::Card,
        Confidence::Medium,
        &[("ref 4012888888881881 of today", "4012888888881881")],
    );
    passes(
        Confidence::Medium,
        &[
            "4111111111111112",
            "4111 1111 1111 1112",
            "0.4111111111111111",
            "4111111111111111.5",
            "x4111111111111111",
            "41111111111111114111111111111111",
            "0000000000000000",
            "1700000000000",
            "4111-1111-1111-1111-1111",
        ],
    );
}

#[test]
fn accounts() {
    finds(
        Kind::Iban,
        Confidence::High,
        &[
            ("DE89370400440532013000", "DE89370400440532013000"),
            (
                "to GB82 WEST 1234 5698 7654 32 now",
                "GB82 WEST 1234 5698 7654 32",
            ),
            ("no9386011117947", "no9386011117947"),
            (
                "FR14 2004 1010 0505 0001 3M02 606",
                "FR14 2004 1010 0505 0001 3M02 606",
            ),
            (
                "MT84MALT011000012345MTLCAST001S",
                "MT84MALT011000012345MTLCAST001S",
            ),
        ],
    );
    passes(
        Confidence::Medium,
        &[
            "DE89370400440532013001",
            "DE8937040044053201300",
            "XX89370400440532013000",
            "GB82 WEST 1234 5698 7654 33",
            "DE89370400440532013000X",
        ],
    );
}

#[test]
fn national_numbers() {
    finds(
        Kind::NationalId,
        Confidence::Medium,
        &[
            ("536-90-4399", "536-90-4399"),
            ("SSN 536904399", "536904399"),
            ("ssn: 536 90 4399", "536 90 4399"),
            ("529.982.247-25", "529.982.247-25"),
            ("cpf 52998224725", "52998224725"),
            ("12345678Z", "12345678Z"),
            ("12345678-Z", "12345678-Z"),
            ("X1234567L", "X1234567L"),
            ("X-1234567-L", "X-1234567-L"),
            ("2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
            ("RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ],
    );
    passes(
        Confidence::Medium,
        &[
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "536-00-4399",
            "536-90-0000",
            "078-05-1120",
            "1-536-90-4399",
            "536904399",
            "529.982.247-26",
            "12345678A",
            "X1234567M",
            "2 55 08 14 168 025 39",
            "RSSMRA85T10A562T",
            "RSSMRA85T10A562SX",
        ],
    );
}

#[test]
fn telephones() {
    finds(
        Kind::Phone,
        Confidence::High,
        &[
            ("+14155552671", "+14155552671"),
            ("call +49 (170) 555-12-34.", "+49 (170) 555-12-34"),
            ("+44 20 7946 0958, London", "+44 20 7946 0958"),
            ("(415) 555-2671", "(415) 555-2671"),
            ("tel. 0170 1234567", "0170 1234567"),
        ],
    );
    finds(
        Kind::Phone,
        Confidence::Medium,
        &[
            ("415-555-2671", "415-555-2671"),
            ("1-415-555-2671", "1-415-555-2671"),
        ],
    );
    passes(
        Confidence::Medium,
        &[
            "2024-01-15 12:30:45",
            "192.168.100.200",
            "+1 2",
            "+1234567890123456",
            "115-555-2671",
            "415-155-2671",
            "550e8400-e29b-41d4-a716-446655440000",
            "10.000.000,00",
            "x+14155552671",
            "1.415.555.26",
        ],
    );
}

#[test]
fn tokens_and_keys() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let github = format!("ghp_{}", "a1B2".repeat(9));
    let stripe = format!("sk_live_{}", "4eC39HqLyjWDarjtT1zdp7dc");
    let url = format!("https://x.example/?key={stripe}&b=1");
    finds(
        Kind::Token,
        Confidence::High,
        &[
            ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
            ("id=AKIAIOSFODNN7EXAMPLE;", "AKIAIOSFODNN7EXAMPLE"),
            (&github, &github),
            (&url, &stripe),
            (jwt, jwt),
        ],
    );
    let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----";
    let cut = "-----BEGIN PRIVATE KEY-----\nMIIEvQ";
    let text = format!("key:\n{pem}\nthen");
    finds(
        Kind::PrivateKey,
        Confidence::High,
        &[(&text, pem), (cut, cut)],
    );
    passes(
        Confidence::Medium,
        &[
            "AKIAIOSFODNN7EXAMPL",
            "XAKIAIOSFODNN7EXAMPLE",
            "ghp_short",
            "eyJhbGciOiJIUzI1N",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "-----BEGIN a long banner-----",
        ],
    );
}

#[test]
fn what_is_random() {
    finds(
        Kind::Secret,
        Confidence::Medium,
        &[
            (
                "wJ8rX4tnF7MI/K7Mq3NG/bPx2fiCY9kLs5vKeQzu",
                "wJ8rX4tnF7MI/K7Mq3NG/bPx2fiCY9kLs5vKeQzu",
            ),
            ("password=tK9vQ2xL7mZ4pR8wB3nC", "tK9vQ2xL7mZ4pR8wB3nC"),
            (
                "secret 9f86d081884c7d659a2feaa0c55ad015",
                "9f86d081884c7d659a2feaa0c55ad015",
            ),
        ],
    );
    passes(
        Confidence::Medium,
        &[
            "9f86d081884c7d659a2feaa0c55ad015",
            "550e8400-e29b-41d4-a716-446655440000",
            "getUserByIdFromTheCache2AndRetry10Times",
            "/usr/local/share/postgresql/extension",
            "https://www.example.com/a/path/to-some/page.html",
            "incomprehensibilities-antidisestablishmentarianism",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
    );
}

#[test]
fn ordinary_text_passes() {
    passes(
        Confidence::Medium,
        &[
            "",
            "The quick brown fox jumps over the lazy dog.",
            "Order 10293 of 2024-05-17, 3 pieces at 12.50 EUR each, shipped.",
            "v1.22.333 build 20240517123000",
            "Größe: 12,5 cm – Ø 3 mm",
            "{\"id\": 17, \"tags\": [\"a\", \"b\"], \"total\": 1234567.89}",
        ],
    );
}

#[test]
fn of_what_overlaps_the_surer_kind_is_found() {
    let text = "a 4111111111111111@example.com b";
    assert_eq!(
        found(text, Confidence::Medium),
        [(Kind::Email, "4111111111111111@example.com".to_owned())]
    );
}

#[test]
fn a_column_s_name_makes_likelier() {
    let column = OutputColumn {
        position: 0,
        name: "Mobile_Phone".to_owned(),
        column: None,
        type_oid: 25,
        binary: false,
        masked: false,
    };
    let wanted = PerKind::from_fn(|_| Some(Confidence::Medium));
    let mut near = Finder::new(wanted, Nearby::of(&column));
    assert_eq!(near.find(b"0170 1234567").len(), 1);
    let mut far = Finder::new(wanted, Nearby::default());
    assert!(far.find(b"0170 1234567").is_empty());
}

/// Pieces that readers look at closely, between anything.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        prop::sample::select(vec![
            "@",
            "ada@example.com",
            "ü@ü.de",
            "+49",
            " ",
            "-",
            "(415) 555-2671",
            "4111",
            "1111",
            "DE89",
            "GB82 WEST",
            "eyJhbGciOiJIUzI1NiJ9.",
            "AKIA",
            "sk_live_",
            "-----BEGIN ",
            "PRIVATE KEY-----",
            "-----END ",
            "536-90-4399",
            "12345678-",
            "X",
            "\\",
            "\"",
            ".",
            "=",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        "[0-9 .()+-]{0,20}".prop_map(String::into_bytes),
        "[A-Za-z0-9+/=_.-]{0,40}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What token::find finds.
fn tokens(value: &[u8]) -> Vec<(Kind, Range<usize>, Confidence)> {
    let mut found = Vec::new();
    token::find(value, |kind, range, sure| found.push((kind, range, sure)));
    found
}

#[test]
fn every_byte_has_its_classes() {
    for byte in 0..=u8::MAX {
        let word = byte.is_ascii_alphanumeric();
        let letter = word || !byte.is_ascii();
        for (class, is_one) in [
            (PLAIN, word),
            (DIGIT, byte.is_ascii_digit()),
            (TOKEN, word || b"_-+/=.".contains(&byte)),
            (LOCAL, letter || b"._%+-'&~#!$".contains(&byte)),
            (DOMAIN, letter || b".-".contains(&byte)),
            (WORD, letter),
        ] {
            assert_eq!(is_of(class, byte), is_one, "{byte:#x} {class}");
        }
    }
}

proptest! {
    #[test]
    fn the_sieve_sees_each_byte(value in pieces()) {
        let sieved = sieve(&value);
        let has = |text: &[u8]| memmem::find(&value, text).is_some();
        prop_assert_eq!(sieved.at, has(b"@"));
        prop_assert_eq!(sieved.digits, value.iter().filter(|byte| byte.is_ascii_digit()).count());
        prop_assert!(sieved.dashes || !has(b"---"));
        prop_assert!(!sieved.dashes || has(b"--"));
    }

    /// In the whole value as in each of its runs alone.
    #[test]
    fn no_run_of_a_token_is_missed(value in pieces()) {
        let mut expected = Vec::new();
        let mut start = 0;
        for run in value.split(|byte| !is_of(TOKEN, *byte)) {
            let found = tokens(run).into_iter();
            expected.extend(found.map(|(kind, range, sure)| {
                (kind, start + range.start..start + range.end, sure)
            }));
            start += run.len() + 1;
        }
        prop_assert_eq!(tokens(&value), expected);
    }

    #[test]
    fn any_bytes_are_read(value in pieces()) {
        let mut finder = finder();
        let mut last = 0;
        for finding in finder.find(&value) {
            prop_assert!(finding.range.start >= last && finding.range.start < finding.range.end);
            last = finding.range.end;
        }
        prop_assert!(last <= value.len());
    }

    #[test]
    fn findings_are_whole_characters(value in pieces()) {
        let Ok(text) = std::str::from_utf8(&value) else { return Ok(()) };
        let mut finder = finder();
        for finding in finder.find(&value) {
            prop_assert!(text.get(finding.range.clone()).is_some());
        }
    }

    /// Whatever stands around it, with a space between.
    #[test]
    fn an_address_is_found_anywhere(before in "[^@]{0,30}", after in "[^@]{0,30}") {
        let text = format!("{before} ada@example.com {after}");
        let all = found(&text, Confidence::High);
        prop_assert!(all.contains(&(Kind::Email, "ada@example.com".to_owned())));
    }

    #[test]
    fn a_number_with_its_check_is_found(digits in prop::collection::vec(0..10_u32, 14)) {
        let mut digits: Vec<u32> = [4].into_iter().chain(digits).chain([0]).collect();
        let check = (0..10).find(|check| {
            digits[15] = *check;
            words::luhn(digits.iter().copied())
        });
        prop_assert!(check.is_some());
        let text: String = digits.iter().map(ToString::to_string).collect();
        prop_assert_eq!(found(&text, Confidence::High), [(Kind::Card, text)]);
    }
}
