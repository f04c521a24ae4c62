use bytes::BytesMut;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{
    Bind, ClientTag, CopyFail, Error, Execute, Format, Formats, FunctionCall, Parse, Password,
    Query, SaslInitialResponse, Target, expect_empty,
};
use crate::frame::HEADER_BYTES;
use crate::write;

fn written(write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    out[HEADER_BYTES..].to_vec()
}

#[test]
fn tags_and_bytes_are_one_to_one() {
    let known: Vec<_> = (0..=u8::MAX)
        .filter_map(|tag| ClientTag::try_from(tag).ok())
        .collect();
    assert_eq!(known.len(), 14);
    assert!(
        known
            .iter()
            .all(|tag| ClientTag::try_from(tag.byte()) == Ok(*tag))
    );
    let error = ClientTag::try_from(b'Z').unwrap_err();
    assert_eq!(
        error.to_string(),
        "no message from the client has the tag 'Z'"
    );
}

#[test]
fn query_is_read() {
    assert_eq!(Query::parse(b"select 1\0"), Ok(Query { text: "select 1" }));
}

#[test]
fn an_inner_zero_byte_is_refused() {
    let message = "Query";
    assert_eq!(
        Query::parse(b"select 1\0;drop\0"),
        Err(Error::Trailing { message, bytes: 6 })
    );
}

#[test]
fn text_must_be_utf8_and_terminated() {
    let (message, field) = ("Query", "query");
    assert_eq!(
        Query::parse(b"\xff\0"),
        Err(Error::NotUtf8 { message, field })
    );
    assert_eq!(
        Query::parse(b"select"),
        Err(Error::Unterminated { message, field })
    );
}

#[test]
fn parse_is_read() {
    let parse = Parse::parse(b"s1\0select $1\0\0\x01\0\0\0\x17").unwrap();
    assert_eq!(
        parse,
        Parse {
            name: "s1",
            text: "select $1",
            types: vec![23]
        }
    );
    let error = Error::Truncated {
        message: "Parse",
        field: "parameter type",
    };
    assert_eq!(Parse::parse(b"\0\0\0\x02\0\0\0\x17"), Err(error));
}

#[test]
fn bind_is_read() {
    let body = b"\0s1\0\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\0";
    let bind = Bind::parse(body).unwrap();
    assert_eq!((bind.portal, bind.statement), ("", "s1"));
    let parameters: Vec<_> = bind.parameters.iter().collect();
    assert_eq!(parameters, [Some(b"\0\0\0\x07".as_slice()), None]);
    assert_eq!(bind.formats.format(1), Format::Binary);
    assert_eq!(bind.result_formats.format(9), Format::Text);
}

#[test]
fn bind_does_not_show_its_parameters() {
    let bind = Bind::parse(b"\0s1\0\0\0\0\x01\0\0\0\x05alice\0\0").unwrap();
    assert!(!format!("{bind:?}").contains("97"));
    assert!(format!("{bind:?}").contains("parameters: 1"));
}

#[test]
fn function_call_is_read_and_shows_no_arguments() {
    let body = b"\0\0\x03\xb8\0\x01\0\x01\0\x02\0\0\0\x05alice\xff\xff\xff\xff\0\x01";
    let call = FunctionCall::parse(body).unwrap();
    assert_eq!(call.function, 952);
    assert_eq!(call.formats.format(1), Format::Binary);
    assert_eq!(call.arguments, [Some(b"alice".as_slice()), None]);
    assert_eq!(call.result_format, Format::Binary);
    assert!(!format!("{call:?}").contains("97"));
    for cut in 0..body.len() {
        assert!(FunctionCall::parse(&body[..cut]).is_err(), "{cut}");
    }
    let formats = b"\0\0\x03\xb8\0\x02\0\x01\0\x01\0\x01\xff\xff\xff\xff\0\x01";
    assert!(matches!(
        FunctionCall::parse(formats),
        Err(Error::BadValue { value: 1, .. })
    ));
}

#[test]
fn bind_refuses_what_postgresql_does() {
    let negative = b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0";
    let error = Error::BadValue {
        message: "Bind",
        field: "parameter",
        value: -2,
    };
    assert_eq!(Bind::parse(negative), Err(error));
    let formats = b"\0\0\0\x02\0\0\0\x01\0\x01\xff\xff\xff\xff\0\0";
    assert!(matches!(
        Bind::parse(formats),
        Err(Error::BadValue { value: 1, .. })
    ));
    let format = b"\0\0\0\x01\0\x02\0\0\0\0";
    let error = Error::BadValue {
        message: "Bind",
        field: "parameter formats",
        value: 2,
    };
    assert_eq!(Bind::parse(format), Err(error));
}

#[test]
fn describe_and_close_name_a_statement_or_portal() {
    assert_eq!(Target::parse(b"Ss1\0"), Ok(Target::Statement("s1")));
    assert_eq!(Target::parse(b"P\0"), Ok(Target::Portal("")));
    assert!(Target::parse(b"X\0").is_err());
}

#[test]
fn messages_without_a_body_have_none() {
    assert_eq!(expect_empty("Sync", b""), Ok(()));
    assert_eq!(
        expect_empty("Sync", b"x"),
        Err(Error::Trailing {
            message: "Sync",
            bytes: 1
        })
    );
}

#[test]
fn credentials_are_read() {
    let password = Password::parse(b"swordfish\0").ok().unwrap();
    assert_eq!(password.password, "swordfish");
    let sasl = SaslInitialResponse::parse(b"OAUTHBEARER\0\0\0\0\x03n,,")
        .ok()
        .unwrap();
    assert_eq!(
        (sasl.mechanism, sasl.data),
        ("OAUTHBEARER", Some(b"n,,".as_slice()))
    );
    let sasl = SaslInitialResponse::parse(b"SCRAM-SHA-256\0\xff\xff\xff\xff")
        .ok()
        .unwrap();
    assert_eq!(sasl.data, None);
}

fn formats(count: usize) -> impl Strategy<Value = Formats> {
    let format = || prop_oneof![Just(Format::Text), Just(Format::Binary)];
    let each = vec(format(), count).prop_map(|formats| match formats.as_slice() {
        [] => Formats::Default,
        [format] => Formats::All(*format),
        _ => Formats::Each(formats),
    });
    prop_oneof![
        Just(Formats::Default),
        format().prop_map(Formats::All),
        each
    ]
}

type Parameters = Vec<Option<Vec<u8>>>;

fn parameters() -> impl Strategy<Value = (Parameters, Formats)> {
    let parameters = vec(option::of(vec(any::<u8>(), 0..12)), 0..6);
    parameters.prop_flat_map(|parameters| {
        let count = parameters.len();
        (Just(parameters), formats(count))
    })
}

proptest! {
    #[test]
    fn bind_round_trips(
        portal in "[^\0]{0,8}",
        statement in "[^\0]{0,8}",
        (values, formats) in parameters(),
        result_formats in formats(3),
    ) {
        let parameters: Vec<_> = values.iter().map(Option::as_deref).collect();
        let (portal, statement) = (portal.as_str(), statement.as_str());
        let body = written(|out| {
            write::bind(out, portal, statement, &formats, &parameters, &result_formats)
        });
        let read = Bind::parse(&body).unwrap();
        prop_assert_eq!((read.portal, read.statement), (portal, statement));
        prop_assert_eq!((&read.formats, &read.result_formats), (&formats, &result_formats));
        prop_assert_eq!(read.parameters.iter().collect::<Vec<_>>(), parameters);
    }

    #[test]
    fn the_other_messages_round_trip(
        name in "[^\0]{0,8}",
        text in "[^\0]{0,30}",
        types in vec(any::<u32>(), 0..5),
        max_rows in any::<i32>(),
    ) {
        let (name, text) = (name.as_str(), text.as_str());
        let body = written(|out| write::query(out, text));
        prop_assert_eq!(Query::parse(&body), Ok(Query { text }));
        let body = written(|out| write::parse(out, name, text, &types));
        prop_assert_eq!(Parse::parse(&body), Ok(Parse { name, text, types }));
        let body = written(|out| write::execute(out, name, max_rows));
        prop_assert_eq!(Execute::parse(&body), Ok(Execute { portal: name, max_rows }));
        let body = written(|out| write::describe(out, Target::Statement(name)));
        prop_assert_eq!(Target::parse(&body), Ok(Target::Statement(name)));
        let body = written(|out| write::close(out, Target::Portal(name)));
        prop_assert_eq!(Target::parse(&body), Ok(Target::Portal(name)));
        let body = written(|out| write::copy_fail(out, text));
        prop_assert_eq!(CopyFail::parse(&body), Ok(CopyFail { reason: text }));
        let body = written(|out| write::password(out, text));
        prop_assert_eq!(Password::parse(&body).map(|read| read.password).ok(), Some(text));
        let body = written(|out| write::sasl_initial_response(out, name, Some(text.as_bytes())));
        let read = SaslInitialResponse::parse(&body).ok().map(|read| (read.mechanism, read.data));
        prop_assert_eq!(read, Some((name, Some(text.as_bytes()))));
    }

    #[test]
    fn a_cut_or_extended_bind_is_refused((values, formats) in parameters()) {
        let parameters: Vec<_> = values.iter().map(Option::as_deref).collect();
        let body = written(|out| {
            write::bind(out, "p", "s", &formats, &parameters, &Formats::Default)
        });
        for end in 0..body.len() {
            proptest::prop_assert!(Bind::parse(&body[..end]).is_err());
        }
        proptest::prop_assert!(Bind::parse(&[&body, b"\0".as_slice()].concat()).is_err());
    }

    #[test]
    fn no_bytes_panic(body in vec(prop_oneof![any::<u8>(), 0..3u8], 0..64)) {
        let _ = Query::parse(&body);
        let _ = Parse::parse(&body);
        let _ = Bind::parse(&body);
        let _ = Target::parse(&body);
        let _ = Execute::parse(&body);
        let _ = CopyFail::parse(&body);
        let _ = Password::parse(&body).is_ok();
        let _ = SaslInitialResponse::parse(&body).is_ok();
    }
}
