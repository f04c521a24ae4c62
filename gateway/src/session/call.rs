//! FunctionCall: a function called by its number.
//!
//! It is judged as the SELECT that would call the same function: what is not known by its number is
//! refused, and what is not known to be harmless is opaque, as in any statement.

use std::sync::Arc;

use bytes::Bytes;
use policy::{Parameters, Request, Verdict};
use sql::Strings;
use trail::Opening;
use wire::client::FunctionCall;
use wire::frame::Frame;

use super::extended::{Bound, recorded};
use super::pipeline::Step;
use super::role::Duty;
use super::{Refusal, Session, Started, give_back};
use crate::error::SessionError;

impl Session {
    /// A function call, from the client's bytes to the upstream.
    pub(super) async fn answer_call(&self, frame: &Frame<&[u8]>) -> Result<(), SessionError> {
        let started = self.now.get();
        let call = match FunctionCall::parse(frame.body()) {
            Ok(call) => call,
            Err(error) => return self.refuse_malformed(&error, Step::Query),
        };
        let parameters = parameters(&call);
        let known = self.text_of(&call).await;
        let text: Arc<str> = match &known {
            Ok(text) => text.as_str().into(),
            Err(_) => format!("FunctionCall of {}", call.function).into(),
        };
        let mut entry = self.trail.open(&Opening {
            time: started,
            step: trail::Step::Other,
            statement: trail::Statement::Once(&text),
        });
        for (index, value) in parameters.values.iter().enumerate() {
            entry.parameter(&recorded(&parameters.formats, index, value.as_deref()));
        }
        let verdict = match known {
            Ok(_) => {
                let request = Request {
                    frames: Bytes::copy_from_slice(frame.bytes()),
                    step: policy::Step::Query,
                    text,
                    strings: Strings::Standard,
                    parameters: Some(parameters),
                };
                let verdict = match self.await_facts(&request.text).await {
                    Ok(()) => Box::pin(self.judge_unknown(request, Bound::Here(None))).await,
                    Err(denial) => Verdict::Deny(denial),
                };
                self.settle(verdict, &mut entry, Bound::Here(None)).await?
            }
            Err(denial) => {
                self.record_denial(&mut entry, &denial)?;
                Err(Refusal::of(&denial))
            }
        };
        let verdict = self.take_turn(verdict, self.judged_by().ended).await;
        // The upstream passes it over, too.
        if self.skipping.get() {
            give_back(&verdict);
            return Ok(());
        }
        match verdict {
            Ok((permit, turn)) => {
                self.start((&permit, Duty::Stay, turn), entry, started, Started::Query);
            }
            Err(refusal) => self.refuse(&refusal, entry, started, Step::Query),
        }
        Ok(())
    }

    /// The text that calls the same function.
    async fn text_of(&self, call: &FunctionCall<'_>) -> Result<String, policy::Denial> {
        self.refresh_catalog().await?;
        let arguments = call.arguments.len();
        let catalog = Arc::clone(&self.catalog.borrow().catalog);
        catalog
            .function_call(call.function, arguments)
            .ok_or_else(|| policy::Denial {
                hint: Some("Call the function in a SELECT.".into()),
                ..self.own_denial("what the function call message calls cannot be known")
            })
    }
}

/// The arguments, as policies see them.
fn parameters(call: &FunctionCall<'_>) -> Parameters {
    let copied = |value: &Option<&[u8]>| value.map(Bytes::copy_from_slice);
    Parameters {
        values: call.arguments.iter().map(copied).collect(),
        formats: call.formats.clone(),
    }
}
