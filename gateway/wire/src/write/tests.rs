use super::{
    BytesMut, Error, ErrorResponse, Severity, TEXT_BYTES, authentication_cleartext_password,
    authentication_md5_password, authentication_ok, bind_complete, close_complete, copy_data,
    copy_done, data_row, empty_query_response, error, flush, no_data, notice, parse_complete,
    portal_suspended, query, ready_for_query, sync, terminate,
};
use crate::frame::frames;
use crate::upstream::{Authentication, ErrorFields, TxStatus};

fn written(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out);
    out.to_vec()
}

#[test]
fn an_error_says_all_that_was_given() {
    let denial = ErrorResponse::new(Severity::Error, "42501", "refused by policy guard")
        .detail("DELETE without WHERE")
        .hint("name the rows")
        .position(8);
    let bytes = written(|out| error(out, &denial));
    let fields = ErrorFields::parse(&bytes[5..]).unwrap();
    let said: Vec<_> = fields
        .iter()
        .map(|(code, value)| (code, value.to_vec()))
        .collect();
    let expected = [
        (b'S', "ERROR"),
        (b'V', "ERROR"),
        (b'C', "42501"),
        (b'M', "refused by policy guard"),
        (b'D', "DELETE without WHERE"),
        (b'H', "name the rows"),
        (b'P', "8"),
    ];
    assert_eq!(
        said,
        expected.map(|(code, text)| (code, text.as_bytes().to_vec()))
    );
    assert_eq!(written(|out| notice(out, &denial))[0], b'N');
}

#[test]
fn an_error_can_always_be_said() {
    let long = format!("a\0b{}", "é".repeat(TEXT_BYTES));
    let bytes = written(|out| error(out, &ErrorResponse::new(Severity::Fatal, "XX000", &long)));
    let fields = ErrorFields::parse(&bytes[5..]).unwrap();
    let message = std::str::from_utf8(fields.get(b'M').unwrap()).unwrap();
    assert!(message.starts_with("abé"));
    assert!(message.len() <= TEXT_BYTES);
}

#[test]
fn messages_without_fields_are_a_header() {
    let bytes = written(|out| {
        let all = [
            parse_complete,
            bind_complete,
            close_complete,
            no_data,
            portal_suspended,
            empty_query_response,
            copy_done,
            flush,
            sync,
            terminate,
        ];
        all.iter().for_each(|write| write(out));
    });
    let tags = frames(&bytes, 5)
        .map(|frame| frame.unwrap().0)
        .collect::<Vec<_>>();
    assert_eq!(tags, b"123nsIcHSX");
}

#[test]
fn authentication_is_what_is_read() {
    let read = |bytes: &[u8]| format!("{:?}", Authentication::parse(&bytes[5..]).unwrap());
    assert_eq!(read(&written(authentication_ok)), "Ok");
    assert_eq!(
        read(&written(authentication_cleartext_password)),
        "CleartextPassword"
    );
    let md5 = written(|out| authentication_md5_password(out, [1, 2, 3, 4]));
    assert_eq!(read(&md5), "Md5 { salt: [1, 2, 3, 4] }");
    assert_eq!(md5.len(), 13);
}

#[test]
fn rows_and_states_are_those_of_postgresql() {
    let row = written(|out| {
        data_row(out, &[Some(b"1"), Some(b"ann@example.org"), None]).unwrap();
    });
    let expected: &[u8] = b"D\0\0\0\"\0\x03\0\0\0\x011\0\0\0\x0fann@example.org\xff\xff\xff\xff";
    assert_eq!(row, expected);
    assert_eq!(
        written(|out| ready_for_query(out, TxStatus::Failed)),
        b"Z\0\0\0\x05E"
    );
    assert_eq!(
        written(|out| copy_data(out, b"1\n").unwrap()),
        b"d\0\0\0\x061\n"
    );
}

#[test]
fn a_refused_message_leaves_nothing_behind() {
    let mut out = BytesMut::from("before");
    let error = Error::ZeroByte {
        message: "Query",
        field: "query",
    };
    assert_eq!(query(&mut out, "select 1\0; drop table t"), Err(error));
    let many = vec![None; usize::from(u16::MAX) + 1];
    assert!(matches!(
        data_row(&mut out, &many),
        Err(Error::ColumnCount { .. })
    ));
    assert_eq!(out, "before");
}
