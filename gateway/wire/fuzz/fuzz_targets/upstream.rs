//! What is read of the upstream's messages is written back as the same bytes; scrubbed errors hold
//! no field that could carry a value.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::upstream::{
    Authentication, BackendKeyData, CommandComplete, CopyResponse, ErrorFields,
    NegotiateProtocolVersion, NotificationResponse, ParameterDescription, ParameterStatus,
    ReadyForQuery, RowDescription, UpstreamTag,
};
use wire::{Error, frame, sqlstate, write};

fuzz_target!(|input: &[u8]| {
    let Some((tag, body)) = input.split_first() else {
        return;
    };
    if let Ok(tag) = UpstreamTag::try_from(*tag) {
        read(tag, body);
    }
});

fn read(tag: UpstreamTag, body: &[u8]) {
    match tag {
        UpstreamTag::Authentication => {
            Authentication::parse(body)
                .map(|read| check_authentication(body, &read))
                .ok();
        }
        UpstreamTag::BackendKeyData => {
            let read = BackendKeyData::parse(body);
            read.map(|read| same(body, |out| write::backend_key_data(out, &read)))
                .ok();
        }
        UpstreamTag::ParameterStatus => {
            let read = ParameterStatus::parse(body);
            read.map(|read| {
                same(body, |out| {
                    write::parameter_status(out, read.name, read.value)
                })
            })
            .ok();
        }
        UpstreamTag::ReadyForQuery => {
            ReadyForQuery::parse(body)
                .map(|read| assert_eq!([read.status.byte()], body))
                .ok();
        }
        UpstreamTag::RowDescription => {
            let read = RowDescription::parse(body);
            read.map(|read| same(body, |out| write::row_description(out, &read.fields)))
                .ok();
        }
        UpstreamTag::ParameterDescription => {
            let read = ParameterDescription::parse(body);
            read.map(|read| same(body, |out| write::parameter_description(out, &read.types)))
                .ok();
        }
        UpstreamTag::CommandComplete => {
            let read = CommandComplete::parse(body);
            read.inspect(|read| assert!(read.rows().is_none_or(|_| read.tag.contains(' '))))
                .map(|read| same(body, |out| write::command_complete(out, read.tag)))
                .ok();
        }
        UpstreamTag::ErrorResponse | UpstreamTag::NoticeResponse => {
            ErrorFields::parse(body)
                .map(|read| check_error(body, &read))
                .ok();
        }
        UpstreamTag::CopyOutResponse
        | UpstreamTag::CopyInResponse
        | UpstreamTag::CopyBothResponse => {
            let read = CopyResponse::parse(body);
            read.map(|read| {
                same(body, |out| {
                    write::copy_out_response(out, read.format, &read.columns)
                });
            })
            .ok();
        }
        UpstreamTag::NegotiateProtocolVersion => {
            let read = NegotiateProtocolVersion::parse(body);
            read.map(|read| {
                same(body, |out| {
                    write::negotiate_protocol_version(out, read.version, &read.unknown)
                });
            })
            .ok();
        }
        UpstreamTag::NotificationResponse => drop(NotificationResponse::parse(body)),
        UpstreamTag::DataRow
        | UpstreamTag::EmptyQueryResponse
        | UpstreamTag::ParseComplete
        | UpstreamTag::BindComplete
        | UpstreamTag::CloseComplete
        | UpstreamTag::NoData
        | UpstreamTag::PortalSuspended
        | UpstreamTag::CopyData
        | UpstreamTag::CopyDone
        | UpstreamTag::FunctionCallResponse => {}
    }
}

fn check_authentication(body: &[u8], read: &Authentication<'_>) {
    same(body, |out| match read {
        Authentication::Ok => {
            write::authentication_ok(out);
            Ok(())
        }
        Authentication::CleartextPassword => {
            write::authentication_cleartext_password(out);
            Ok(())
        }
        Authentication::Md5 { salt } => {
            write::authentication_md5_password(out, *salt);
            Ok(())
        }
        Authentication::Sasl { mechanisms } => write::authentication_sasl(out, mechanisms),
        Authentication::SaslContinue(data) => write::authentication_sasl_continue(out, data),
        Authentication::SaslFinal(data) => write::authentication_sasl_final(out, data),
        Authentication::Other(_) => {
            out.extend_from_slice(&[0; frame::HEADER_BYTES]);
            out.extend_from_slice(body);
            Ok(())
        }
    });
}

fn check_error(body: &[u8], read: &ErrorFields) {
    same(body, |out| read.write_error(out));
    let scrubbed = read.scrubbed();
    let mut out = BytesMut::new();
    scrubbed
        .write_notice(&mut out)
        .expect("scrubbed fields can be written");
    for (code, value) in scrubbed.iter() {
        match code {
            b'C' => assert!(sqlstate::class(value).is_some()),
            b'M' => assert!(value.ends_with(b"protected columns)")),
            b'S' | b'V' | b'P' | b'F' | b'L' | b'R' | b's' | b't' | b'c' | b'd' | b'n' => {
                assert!(value.len() <= 63 && !value.contains(&b' '));
            }
            code => panic!("field {code} was kept"),
        }
    }
}

fn same(body: &[u8], write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) {
    let mut out = BytesMut::new();
    write(&mut out).expect("what was read can be written");
    assert_eq!(&out[frame::HEADER_BYTES..], body);
}
