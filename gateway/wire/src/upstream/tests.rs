use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

use super::{
    Authentication, BackendKeyData, CommandComplete, CopyResponse, Error, ErrorFields, Field,
    Format, NegotiateProtocolVersion, NotificationResponse, ParameterDescription, ParameterStatus,
    ReadyForQuery, RowDescription, TxStatus, UpstreamTag,
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
        .filter_map(|tag| UpstreamTag::try_from(tag).ok())
        .collect();
    assert_eq!(known.len(), 24);
    assert!(
        known
            .iter()
            .all(|tag| UpstreamTag::try_from(tag.byte()) == Ok(*tag))
    );
    let error = UpstreamTag::try_from(b'Q').unwrap_err();
    assert_eq!(
        error.to_string(),
        "no message from the upstream has the tag 'Q'"
    );
}

#[test]
fn row_description_of_postgresql_is_read() {
    let body = b"\0\x03id\0\0\0@\x02\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0\
                 email\0\0\0@\x02\0\x02\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0\
                 note\0\0\0@\x02\0\x03\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    let description = RowDescription::parse(body).unwrap();
    let email = Field {
        name: Bytes::from_static(b"email"),
        table: 16386,
        attribute: 2,
        type_oid: 25,
        type_size: -1,
        type_modifier: -1,
        format: Format::Text,
    };
    assert_eq!(description.fields.len(), 3);
    assert_eq!(description.fields[1], email);
    assert_eq!(
        written(|out| write::row_description(out, &description.fields)),
        body
    );
}

#[test]
fn start_of_a_session_is_read() {
    assert_eq!(Authentication::parse(b"\0\0\0\0"), Ok(Authentication::Ok));
    let md5 = Authentication::Md5 { salt: *b"salt" };
    assert_eq!(Authentication::parse(b"\0\0\0\x05salt"), Ok(md5));
    let sasl = Authentication::parse(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let mechanisms = vec!["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
    assert_eq!(sasl, Ok(Authentication::Sasl { mechanisms }));
    let first = Authentication::parse(b"\0\0\0\x0br=x");
    assert_eq!(first, Ok(Authentication::SaslContinue(b"r=x")));
    assert_eq!(
        Authentication::parse(b"\0\0\0\x07"),
        Ok(Authentication::Other(7))
    );
    let status = ParameterStatus::parse(b"client_encoding\0UTF8\0");
    assert_eq!(
        status,
        Ok(ParameterStatus {
            name: "client_encoding",
            value: "UTF8"
        })
    );
    let key = BackendKeyData::parse(b"\0\0sK=\x93\xb5 ").ok().unwrap();
    assert_eq!(
        (key.pid, key.secret.as_ref()),
        (29515, b"=\x93\xb5 ".as_slice())
    );
    let ready = ReadyForQuery {
        status: TxStatus::Idle,
    };
    assert_eq!(ReadyForQuery::parse(b"I"), Ok(ready));
    assert!(ReadyForQuery::parse(b"X").is_err());
}

#[test]
fn secrets_may_be_long_but_not_too_long() {
    let body = |len| [vec![0; 4], vec![1; len]].concat();
    assert!(BackendKeyData::parse(&body(256)).is_ok());
    assert!(BackendKeyData::parse(&body(257)).is_err());
    assert!(BackendKeyData::parse(&body(3)).is_err());
}

#[test]
fn command_tags_tell_how_many_rows() {
    let rows = |tag| CommandComplete { tag }.rows();
    assert_eq!(rows("SELECT 3"), Some(3));
    assert_eq!(rows("INSERT 0 17"), Some(17));
    assert_eq!(rows("CREATE TABLE"), None);
    assert_eq!(rows("BEGIN"), None);
}

#[test]
fn copy_response_of_postgresql_is_read() {
    let response = CopyResponse::parse(b"\x01\0\x03\0\x01\0\x01\0\x01").unwrap();
    assert_eq!(
        response,
        CopyResponse {
            format: Format::Binary,
            columns: vec![Format::Binary; 3]
        }
    );
    assert!(CopyResponse::parse(b"\x02\0\0").is_err());
}

#[test]
fn notification_is_read() {
    let read = NotificationResponse::parse(b"\0\0\0\x07jobs\x0042\0").unwrap();
    assert_eq!(
        read,
        NotificationResponse {
            pid: 7,
            channel: "jobs",
            payload: "42"
        }
    );
}

const DUPLICATE: &[u8] = b"SERROR\0VERROR\0C23505\0\
    Mduplicate key value violates unique constraint \"u_e_key\"\0\
    DKey (e)=(ann@example.org) already exists.\0\
    spg_temp_3\0tu\0nu_e_key\0Fnbtinsert.c\0L664\0R_bt_check_unique\0\0";

#[test]
fn error_fields_are_read_in_order() {
    let fields = ErrorFields::parse(DUPLICATE).unwrap();
    assert_eq!(fields.sqlstate(), Some("23505"));
    assert_eq!(fields.get(b't'), Some(b"u".as_slice()));
    assert_eq!(
        fields.iter().map(|(code, _)| code).collect::<Vec<_>>(),
        b"SVCMDstnFLR"
    );
    assert_eq!(written(|out| fields.write_error(out)), DUPLICATE);
}

#[test]
fn error_fields_do_not_show_their_text() {
    let shown = format!("{:?}", ErrorFields::parse(DUPLICATE).unwrap());
    assert_eq!(
        shown,
        "ErrorFields { severity: Some(\"ERROR\"), sqlstate: Some(\"23505\"), .. }"
    );
}

#[test]
fn scrubbing_keeps_names_and_withholds_text() {
    let scrubbed = ErrorFields::parse(DUPLICATE).unwrap().scrubbed();
    let expected: &[u8] = b"SERROR\0VERROR\0C23505\0\
        Munique violation (message withheld: the statement may touch protected columns)\0\
        spg_temp_3\0tu\0nu_e_key\0Fnbtinsert.c\0L664\0R_bt_check_unique\0\0";
    assert_eq!(written(|out| scrubbed.write_error(out)), expected);
}

#[test]
fn scrubbing_names_the_condition() {
    let body = b"SERROR\0VERROR\0C22012\0Mdivision by zero\0P8\0p3\0qselect 1/x\0Wfn\0Hh\0\0";
    let scrubbed = ErrorFields::parse(body).unwrap().scrubbed();
    let message = "division by zero (message withheld: the statement may touch protected columns)";
    assert_eq!(scrubbed.get(b'M'), Some(message.as_bytes()));
    assert_eq!(
        scrubbed.iter().map(|(code, _)| code).collect::<Vec<_>>(),
        b"SVCMP"
    );
}

#[test]
fn scrubbing_lets_no_field_carry_a_value() {
    let body = "Sann@example.org\0Vann@example.org\0CAL1CE\0Mx\0Px1\0sann@example.org\0\
        tann example\0cann-example\0d1ann\0n\0Fann@x\0L1x\0Rann@x\0zann\0\0";
    let scrubbed = ErrorFields::parse(body.as_bytes()).unwrap().scrubbed();
    let message = "error (message withheld: the statement may touch protected columns)";
    let kept: Vec<_> = scrubbed.iter().collect();
    assert_eq!(
        kept,
        [(b'C', b"XX000".as_slice()), (b'M', message.as_bytes())]
    );
}

#[test]
fn scrubbing_takes_no_number_longer_than_a_position_can_be() {
    let body = b"C22012\0Mx\0P41111111111111111\0L2147483647\0L4111\0\0";
    let scrubbed = ErrorFields::parse(body).unwrap().scrubbed();
    assert_eq!(scrubbed.get(b'P'), None);
    let lines: Vec<_> = scrubbed.iter().filter(|(code, _)| *code == b'L').collect();
    assert_eq!(lines, [(b'L', b"2147483647".as_slice())]);
}

#[test]
fn an_undefined_state_becomes_its_class() {
    let scrubbed = ErrorFields::parse(b"C22ABC\0Mx\0\0").unwrap().scrubbed();
    assert_eq!(scrubbed.sqlstate(), Some("22000"));
    assert!(scrubbed.get(b'M').unwrap().starts_with(b"data exception ("));
}

#[test]
fn who_knows_the_catalog_decides_about_names() {
    let fields = ErrorFields::parse(b"C23505\0Mx\0tcustomers\0cann\0\0").unwrap();
    let scrubbed = fields.scrubbed_where(|code, name| (code, name) == (b't', "customers"));
    assert_eq!(scrubbed.get(b't'), Some(b"customers".as_slice()));
    assert_eq!(scrubbed.get(b'c'), None);
}

fn format() -> impl Strategy<Value = Format> {
    any::<bool>().prop_map(|binary| if binary { Format::Binary } else { Format::Text })
}

fn field() -> impl Strategy<Value = Field> {
    let name = vec(1..=u8::MAX, 0..10);
    let numbers = (
        any::<u32>(),
        any::<i16>(),
        any::<u32>(),
        any::<i16>(),
        any::<i32>(),
    );
    (name, numbers, format()).prop_map(|(name, numbers, format)| {
        let (table, attribute, type_oid, type_size, type_modifier) = numbers;
        Field {
            name: name.into(),
            table,
            attribute,
            type_oid,
            type_size,
            type_modifier,
            format,
        }
    })
}

proptest! {
    #[test]
    fn messages_round_trip(
        fields in vec(field(), 0..5),
        columns in vec(format(), 0..5),
        types in vec(any::<u32>(), 0..5),
        text in "[^\0]{1,12}",
        secret in vec(any::<u8>(), 4..=256),
        pid in any::<u32>(),
    ) {
        let body = written(|out| write::row_description(out, &fields));
        prop_assert_eq!(RowDescription::parse(&body), Ok(RowDescription { fields }));
        let body = written(|out| write::copy_out_response(out, Format::Text, &columns));
        let response = CopyResponse { format: Format::Text, columns };
        prop_assert_eq!(CopyResponse::parse(&body), Ok(response));
        let body = written(|out| write::parameter_description(out, &types));
        prop_assert_eq!(ParameterDescription::parse(&body), Ok(ParameterDescription { types }));
        let body = written(|out| write::command_complete(out, &text));
        prop_assert_eq!(CommandComplete::parse(&body), Ok(CommandComplete { tag: &text }));
        let body = written(|out| write::parameter_status(out, &text, &text));
        let status = ParameterStatus { name: &text, value: &text };
        prop_assert_eq!(ParameterStatus::parse(&body), Ok(status));
        let body = written(|out| write::authentication_sasl(out, &[&text]));
        let sasl = Authentication::Sasl { mechanisms: vec![text.as_str()] };
        prop_assert_eq!(Authentication::parse(&body), Ok(sasl));
        let body = written(|out| write::negotiate_protocol_version(out, (3, 2), &[&text]));
        let negotiate = NegotiateProtocolVersion { version: (3, 2), unknown: vec![&text] };
        prop_assert_eq!(NegotiateProtocolVersion::parse(&body), Ok(negotiate));
        let key = BackendKeyData { pid, secret: secret.into() };
        let body = written(|out| write::backend_key_data(out, &key));
        proptest::prop_assert!(BackendKeyData::parse(&body).is_ok_and(|read| read == key));
    }

    #[test]
    fn scrubbed_fields_are_well_formed(fields in vec((1..=u8::MAX, vec(1..=u8::MAX, 0..9)), 0..9)) {
        let fields = fields.iter().map(|(code, value)| [&[*code], value.as_slice(), &[0]].concat());
        let body = [fields.collect::<Vec<_>>().concat(), vec![0]].concat();
        let fields = ErrorFields::parse(&body).unwrap();
        prop_assert_eq!(written(|out| fields.write_error(out)), body);
        let scrubbed = fields.scrubbed();
        let again = ErrorFields::parse(&written(|out| scrubbed.write_notice(out))).unwrap();
        proptest::prop_assert!(again == scrubbed);
    }

    #[test]
    fn no_bytes_panic(body in vec(prop_oneof![any::<u8>(), 0..3u8], 0..64)) {
        let _ = RowDescription::parse(&body);
        let _ = ErrorFields::parse(&body).map(|fields| fields.scrubbed());
        let _ = CommandComplete::parse(&body).map(|complete| complete.rows());
        let _ = ReadyForQuery::parse(&body);
        let _ = ParameterStatus::parse(&body);
        let _ = BackendKeyData::parse(&body).is_ok();
        let _ = ParameterDescription::parse(&body);
        let _ = Authentication::parse(&body);
        let _ = CopyResponse::parse(&body);
        let _ = NegotiateProtocolVersion::parse(&body);
        let _ = NotificationResponse::parse(&body);
    }
}
