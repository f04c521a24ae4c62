use super::*;

fn values(texts: &[Option<&str>]) -> Values {
    texts.iter().copied().collect()
}

fn texts(values: &Values) -> Vec<Option<&str>> {
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    values.values().map(|value| value.map(text)).collect()
}

#[test]
fn a_chunk_that_does_not_fit_is_refused() {
    let chunk = |offsets: &[u32], nulls: &[u8], data: &[u8]| Chunk {
        offsets: offsets.to_vec(),
        nulls: nulls.to_vec(),
        data: data.to_vec(),
    };
    for wrong in [
        chunk(&[], &[], b""),
        chunk(&[1, 1], &[], b"a"),
        chunk(&[0, 2], &[], b"a"),
        chunk(&[0, 2, 1, 3], &[], b"abc"),
        chunk(&[0; 10], &[0], b""),
    ] {
        assert!(Values::new(wrong).is_err());
    }
    assert!(Values::new(chunk(&[0], &[], b"")).unwrap().is_empty());
    assert_eq!(
        Values::new(chunk(&[0, 0, 1], &[1], b"a")).unwrap().get(0),
        None
    );
}

#[test]
fn null_stays_null() {
    let mapped = values(&[None, Some("a"), Some(""), None]).map(|value, replaced| {
        replaced.extend_from_slice(value);
        replaced.extend_from_slice(b"!");
    });
    assert_eq!(texts(&mapped), [None, Some("a!"), Some("!"), None]);
    assert_eq!(
        texts(&mapped.fixed("-")),
        [None, Some("-"), Some("-"), None]
    );
}

#[test]
fn the_ninth_row_has_its_own_bit() {
    let mut rows = vec![Some("x"); 9];
    rows.push(None);
    rows.push(Some("y"));
    let values = values(&rows);
    assert_eq!(texts(&values), rows);
    assert_eq!(Values::new(values.clone().into_chunk()), Ok(values));
}

#[test]
fn everything_becomes_null() {
    let nulls = values(&[Some("a"); 11]).null();
    assert_eq!(texts(&nulls), [None; 11]);
    assert!(Values::new(nulls.into_chunk()).is_ok());
}

#[test]
fn stars_fill_every_length() {
    for length in 0..70 {
        let text = "x".repeat(length);
        let starred = values(&[Some("abc"), Some(&text), Some("d")]).keep_last(0);
        let stars = "*".repeat(length);
        assert_eq!(
            texts(&starred),
            [Some("***"), Some(&*stars), Some("*")],
            "{length}"
        );
    }
}

#[test]
fn the_last_or_first_characters_are_kept() {
    let row = [
        Some("4111111111111111"),
        Some("12345"),
        Some("1234"),
        None,
        Some(""),
    ];
    assert_eq!(
        texts(&values(&row).keep_last(4)),
        [
            Some("************1111"),
            Some("*2345"),
            Some("****"),
            None,
            Some("")
        ]
    );
    assert_eq!(
        texts(&values(&row).keep_first(2))[..2],
        [Some("41**************"), Some("12***")]
    );
}

#[test]
fn characters_are_not_cut() {
    let row = [Some("żółć"), Some("ab"), Some("日本語")];
    assert_eq!(
        texts(&values(&row).keep_last(2)),
        [Some("**łć"), Some("**"), Some("*本語")]
    );
    assert_eq!(
        texts(&values(&row).keep_first(2)),
        [Some("żó**"), Some("**"), Some("日本*")]
    );
}

#[test]
fn bytes_that_are_no_text_do_not_panic() {
    let chunk = Chunk {
        offsets: vec![0, 4, 6],
        nulls: Vec::new(),
        data: vec![0x80, 0x81, b'a', 0xff, 0x80, 0x80],
    };
    let values = Values::new(chunk).unwrap();
    for n in 0..6 {
        assert_eq!(values.clone().keep_last(n).len(), 2);
        assert_eq!(values.clone().keep_first(n).len(), 2);
    }
}

#[test]
fn append_appends_values_of_any_length() {
    let bytes: Vec<u8> = (0..=200).collect();
    for length in 0..bytes.len() {
        let mut out = b"before".to_vec();
        append(&mut out, &bytes[..length]);
        assert_eq!(out, [b"before", &bytes[..length]].concat());
    }
}

#[test]
fn as_many_stars_are_appended_as_asked_for() {
    for count in 0..40 {
        let mut out = b"before".to_vec();
        append_stars(&mut out, count);
        assert_eq!(out, [b"before", vec![b'*'; count].as_slice()].concat());
    }
}

#[test]
fn the_last_position_is_that_of_an_iterator() {
    let bytes: Vec<u8> = (0..30).collect();
    for length in 0..bytes.len() {
        for byte in 0..30 {
            let expected = bytes[..length]
                .iter()
                .rposition(|one| *one <= byte && one % 3 == 0);
            let found = last_position(&bytes[..length], |one| one <= byte && one % 3 == 0);
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn the_first_position_is_that_of_an_iterator() {
    let bytes: Vec<u8> = (0..30).collect();
    for length in 0..bytes.len() {
        for byte in 0..30 {
            let expected = bytes[..length].iter().position(|one| *one >= byte);
            assert_eq!(
                first_position(&bytes[..length], |one| one >= byte),
                expected
            );
        }
    }
}
