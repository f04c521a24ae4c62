//! What is read of a client's messages is written back as the same bytes.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::client::{
    Bind, ClientTag, CopyFail, Execute, Formats, Parse, Password, Query, SaslInitialResponse,
    Target, expect_empty,
};
use wire::{Error, frame, write};

fuzz_target!(|input: &[u8]| {
    let Some((tag, body)) = input.split_first() else {
        return;
    };
    if let Ok(tag) = ClientTag::try_from(*tag) {
        read(tag, body);
    }
});

fn read(tag: ClientTag, body: &[u8]) {
    match tag {
        ClientTag::Query => {
            Query::parse(body)
                .map(|read| same(body, |out| write::query(out, read.text)))
                .ok();
        }
        ClientTag::Parse => {
            let read = Parse::parse(body);
            read.map(|read| {
                same(body, |out| {
                    write::parse(out, read.name, read.text, &read.types)
                })
            })
            .ok();
        }
        ClientTag::Bind => {
            Bind::parse(body).map(|read| check_bind(body, &read)).ok();
        }
        ClientTag::Describe => {
            Target::parse(body)
                .map(|read| same(body, |out| write::describe(out, read)))
                .ok();
        }
        ClientTag::Close => {
            Target::parse(body)
                .map(|read| same(body, |out| write::close(out, read)))
                .ok();
        }
        ClientTag::Execute => {
            let read = Execute::parse(body);
            read.map(|read| same(body, |out| write::execute(out, read.portal, read.max_rows)))
                .ok();
        }
        ClientTag::CopyFail => {
            let read = CopyFail::parse(body);
            read.map(|read| same(body, |out| write::copy_fail(out, read.reason)))
                .ok();
        }
        ClientTag::Password => {
            let read = Password::parse(body);
            read.map(|read| same(body, |out| write::password(out, read.password)))
                .ok();
            SaslInitialResponse::parse(body)
                .map(|read| check_sasl(body, &read))
                .ok();
        }
        ClientTag::Flush | ClientTag::Sync | ClientTag::CopyDone | ClientTag::Terminate => {
            assert_eq!(expect_empty("message", body).is_ok(), body.is_empty());
        }
        ClientTag::FunctionCall | ClientTag::CopyData => {}
    }
}

fn check_bind(body: &[u8], read: &Bind<'_>) {
    let Bind {
        portal,
        statement,
        formats,
        parameters,
        result_formats,
    } = read;
    assert!(formats.fit(parameters.len()));
    if let Formats::Each(each) = result_formats {
        assert!(each.len() > 1);
    }
    let parameters: Vec<_> = parameters.iter().collect();
    same(body, |out| {
        write::bind(out, portal, statement, formats, &parameters, result_formats)
    });
}

fn check_sasl(body: &[u8], read: &SaslInitialResponse<'_>) {
    same(body, |out| {
        write::sasl_initial_response(out, read.mechanism, read.data)
    });
}

fn same(body: &[u8], write: impl FnOnce(&mut BytesMut) -> Result<(), Error>) {
    let mut out = BytesMut::new();
    write(&mut out).expect("what was read can be written");
    assert_eq!(&out[frame::HEADER_BYTES..], body);
}
