use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{Bytes, BytesMut, Error, Initial, MAX_BYTES, VERSION_3_0, VERSION_3_2, parse};

fn initial() -> impl Strategy<Value = Initial> {
    let secret = vec(any::<u8>(), 4..=256).prop_map(Bytes::from);
    let parameters = vec(("[a-z_.]{1,12}", "[^\0]{0,12}"), 0..6);
    prop_oneof![
        Just(Initial::Ssl),
        Just(Initial::Gss),
        (any::<u32>(), secret).prop_map(|(pid, secret)| Initial::Cancel { pid, secret }),
        (0..3u16, parameters).prop_map(|(minor, parameters)| Initial::Startup {
            version: (3, minor),
            parameters
        }),
    ]
}

fn written(initial: &Initial) -> BytesMut {
    let mut out = BytesMut::new();
    initial.write(&mut out).unwrap();
    out
}

#[test]
fn start_up_of_psql_is_read() {
    let bytes = b"\0\0\0\x56\0\x03\0\0user\0alice\0database\0shop\0application_name\0psql\0\
                  client_encoding\0UTF8\0_pq_.x\0y\0\0";
    let (initial, len) = parse(bytes).unwrap().unwrap();
    assert_eq!(len, bytes.len());
    assert_eq!(initial.parameter("user"), Some("alice"));
    assert_eq!(initial.parameter("_pq_.x"), Some("y"));
    let Initial::Startup {
        version,
        parameters,
    } = &initial
    else {
        panic!("not a StartupMessage: {initial:?}");
    };
    assert_eq!((*version, parameters.len()), (VERSION_3_0, 5));
    assert_eq!(written(&initial), bytes.as_slice());
}

#[test]
fn requests_for_encryption_are_read() {
    assert_eq!(
        parse(b"\0\0\0\x08\x04\xd2\x16\x2f").unwrap(),
        Some((Initial::Ssl, 8))
    );
    assert_eq!(
        parse(b"\0\0\0\x08\x04\xd2\x16\x30").unwrap(),
        Some((Initial::Gss, 8))
    );
}

#[test]
fn cancel_takes_secrets_of_both_protocols() {
    let bytes = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0sK=\x93\xb5 ";
    let secret = Bytes::from_static(b"=\x93\xb5 ");
    let cancel = Initial::Cancel { pid: 29515, secret };
    assert_eq!(parse(bytes).unwrap(), Some((cancel, 16)));
    let secret = Bytes::from(vec![7; 256]);
    let cancel = Initial::Cancel { pid: 1, secret };
    assert_eq!(parse(&written(&cancel)).unwrap(), Some((cancel, 268)));
}

#[test]
fn cancel_refuses_other_lengths_of_secrets() {
    assert!(parse(b"\0\0\0\x0f\x04\xd2\x16\x2e\0\0\0\x01abc").is_err());
    let long = Initial::Cancel {
        pid: 1,
        secret: vec![7; 257].into(),
    };
    assert!(long.write(&mut BytesMut::new()).is_err());
}

#[test]
fn cancel_does_not_show_its_secret() {
    let cancel = Initial::Cancel {
        pid: 1,
        secret: Bytes::from_static(b"swordfish"),
    };
    assert_eq!(format!("{cancel:?}"), "Cancel { pid: 1, .. }");
}

#[test]
fn the_last_of_several_values_counts() {
    let parameters = [("user", "ann"), ("user", "bob")];
    let parameters = parameters
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let initial = Initial::Startup {
        version: VERSION_3_2,
        parameters,
    };
    assert_eq!(initial.parameter("user"), Some("bob"));
}

#[test]
fn other_versions_are_refused_by_name() {
    let version = |bytes: &[u8]| parse(bytes).unwrap_err();
    assert_eq!(
        version(b"\0\0\0\x08\0\x02\0\0"),
        Error::Version { major: 2, minor: 0 }
    );
    let unassigned = Error::Version {
        major: 1234,
        minor: 5681,
    };
    assert_eq!(version(b"\0\0\0\x08\x04\xd2\x16\x31"), unassigned);
}

#[test]
fn parameters_must_end_where_the_message_does() {
    let message = "StartupMessage";
    let parse = |bytes: &[u8]| parse(bytes).unwrap_err();
    let unterminated = |field| Error::Unterminated { message, field };
    assert_eq!(
        parse(b"\0\0\0\x08\0\x03\0\0"),
        unterminated("parameter name")
    );
    assert_eq!(
        parse(b"\0\0\0\x0d\0\x03\0\0user\0"),
        unterminated("parameter value")
    );
    assert_eq!(
        parse(b"\0\0\0\x0a\0\x03\0\0\0\0"),
        Error::Trailing { message, bytes: 1 }
    );
}

#[test]
fn lengths_are_bounded_before_the_message_is_there() {
    assert!(matches!(
        parse(b"\0\0\0\x07"),
        Err(Error::LengthTooSmall { length: 7, .. })
    ));
    let most = (MAX_BYTES as u32 + 4).to_be_bytes();
    assert_eq!(parse(&most).unwrap(), None);
    let more = (MAX_BYTES as u32 + 5).to_be_bytes();
    assert!(matches!(parse(&more), Err(Error::TooLong { .. })));
    assert!(
        parse(b"\x16\x03\x01\x02").is_err(),
        "a TLS handshake is no message"
    );
}

#[test]
fn zero_bytes_cannot_smuggle_parameters() {
    let parameters = vec![("application_name".to_owned(), "x\0user\0root".to_owned())];
    let initial = Initial::Startup {
        version: VERSION_3_0,
        parameters,
    };
    let mut out = BytesMut::from("before");
    let error = Error::ZeroByte {
        message: "StartupMessage",
        field: "parameter value",
    };
    assert_eq!(initial.write(&mut out), Err(error));
    assert_eq!(out, "before");
}

proptest! {
    #[test]
    fn what_is_written_is_read(initial in initial()) {
        let bytes = written(&initial);
        prop_assert_eq!(parse(&bytes).unwrap(), Some((initial, bytes.len())));
        for end in 0..bytes.len() {
            prop_assert_eq!(parse(&bytes[..end]).unwrap(), None);
        }
    }

    #[test]
    fn no_bytes_panic(body in vec(any::<u8>(), 0..64), code in 0..5usize) {
        let code = [[4, 210, 22, 46], [4, 210, 22, 47], [4, 210, 22, 48], [0, 3, 0, 0], [0, 3, 0, 2]][code];
        let length = (body.len() as u32 + 8).to_be_bytes();
        let _ = parse(&[length.as_slice(), &code, &body].concat());
        let _ = parse(&body);
    }
}
