//! From the exports of a component to the traits of this crate.

use std::cell::RefCell;

use crate::bindings::inspecting::exports::sluice::policy::inspect;
use crate::bindings::transforming::exports::sluice::policy::transform;
use crate::{Chunk, Decision, Facts, Inspect, Policy, SessionDecision, Transform, Values};

/// Where a component keeps its policy between calls.
#[derive(Debug)]
pub struct Slot<P>(RefCell<Option<P>>);

impl<P> Slot<P> {
    /// A slot before `configure`.
    #[must_use]
    pub const fn empty() -> Self {
        Slot(RefCell::new(None))
    }
}

impl<P: Policy> Slot<P> {
    /// The export `configure`.
    pub fn configure(&self, settings: &str) -> Result<(), String> {
        let policy = P::configure(settings)?;
        self.0.replace(Some(policy));
        Ok(())
    }

    /// The export `session`.
    pub fn session(&self) -> SessionDecision {
        match &*self.0.borrow() {
            Some(policy) => policy.session(&Facts::of_host()),
            None => SessionDecision::default(),
        }
    }

    /// The export `decide`.
    pub fn decide(&self) -> Decision {
        match &*self.0.borrow() {
            Some(policy) => policy.decide(&Facts::of_host()),
            None => Decision::default(),
        }
    }
}

impl<P: Transform> Slot<P> {
    /// The export `batch`.
    pub fn batch(
        &self,
        columns: &[transform::ResultColumn],
        chunks: Vec<transform::Chunk>,
    ) -> Result<Vec<Chunk>, String> {
        let policy = self.0.borrow();
        let policy = policy.as_ref().ok_or("the policy is not configured")?;
        if columns.len() != chunks.len() {
            return Err("there are not as many chunks as columns".to_owned());
        }
        let facts = Facts::of_host();
        let transform = |(column, chunk)| {
            let values = Values::new(chunk)?;
            let rows = values.len();
            let replaced = policy.transform(&facts, column, values)?;
            if replaced.len() != rows {
                return Err("the transform changed the number of rows".to_owned());
            }
            Ok(replaced.into_chunk())
        };
        columns.iter().zip(chunks).map(transform).collect()
    }
}

impl<P: Inspect> Slot<P> {
    /// The export `session` of `inspect`.
    pub fn scope(&self) -> Option<String> {
        let policy = self.0.borrow();
        policy.as_ref()?.scope(&Facts::of_host())
    }

    /// The export `columns`.
    pub fn covered(&self, scope: &str, columns: &[inspect::OutputColumn]) -> Vec<u32> {
        let policy = self.0.borrow();
        let covers = |column| policy.as_ref().is_none_or(|one| one.covers(scope, column));
        (0..)
            .zip(columns)
            .filter_map(|(place, column)| covers(column).then_some(place))
            .collect()
    }

    /// The export `batch` of `inspect`.
    pub fn inspect(
        &self,
        scope: &str,
        columns: &[inspect::OutputColumn],
        chunks: Vec<Chunk>,
    ) -> Result<inspect::Inspected, String> {
        let policy = self.0.borrow();
        let policy = policy.as_ref().ok_or("the policy is not configured")?;
        if columns.len() != chunks.len() {
            return Err("there are not as many chunks as columns".to_owned());
        }
        let mut all = inspect::Inspected {
            chunks: Vec::with_capacity(chunks.len()),
            findings: Vec::new(),
        };
        for (place, (column, chunk)) in (0..).zip(columns.iter().zip(chunks)) {
            let seen = policy.inspect(scope, column, Values::new(chunk)?)?;
            all.chunks.push(seen.values.map(Values::into_chunk));
            let found = seen.found.into_iter().map(|found| inspect::Finding {
                column: place,
                kind: found.kind,
                count: found.count,
                replaced: found.replaced,
            });
            all.findings.extend(found);
        }
        Ok(all)
    }
}

/// Makes a component of a policy: `export!(MyPolicy);`, with `transform` and `inspect` after it for
/// one that implements [`Transform`] or [`Inspect`] too: `export!(MyPolicy, transform);`. Once in a crate of crate type `cdylib`. Natively it exports
/// nothing, so that tests link.
#[macro_export]
macro_rules! export {
    ($policy:ty $(, $more:ident)*) => {
        const _: () = {
            $crate::export!(@hooks $policy);
            $($crate::export!(@$more $policy);)*
        };
    };
    (@hooks $policy:ty) => {
        const fn is_a_policy<P: $crate::Policy>() {}
        is_a_policy::<$policy>();

        #[cfg(target_arch = "wasm32")]
        struct Exported;

        #[cfg(target_arch = "wasm32")]
        std::thread_local! {
            static POLICY: $crate::exports::Slot<$policy> = const { $crate::exports::Slot::empty() };
        }

        #[cfg(target_arch = "wasm32")]
        impl $crate::bindings::exports::sluice::policy::hooks::Guest for Exported {
            fn configure(settings: String) -> Result<(), String> {
                POLICY.with(|policy| policy.configure(&settings))
            }
            fn session() -> $crate::SessionDecision {
                POLICY.with(|policy| policy.session())
            }
            fn decide() -> $crate::Decision {
                POLICY.with(|policy| policy.decide())
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_hooks!(Exported with_types_in $crate::bindings);
    };
    (@transform $policy:ty) => {
        const fn is_a_transform<P: $crate::Transform>() {}
        is_a_transform::<$policy>();

        #[cfg(target_arch = "wasm32")]
        impl $crate::bindings::transforming::exports::sluice::policy::transform::Guest for Exported {
            fn batch(
                columns: Vec<$crate::ResultColumn>,
                chunks: Vec<$crate::Chunk>,
            ) -> Result<Vec<$crate::Chunk>, String> {
                POLICY.with(|policy| policy.batch(&columns, chunks))
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::transforming::export_transform!(
            Exported with_types_in $crate::bindings::transforming
        );
    };
    (@inspect $policy:ty) => {
        const fn is_an_inspect<P: $crate::Inspect>() {}
        is_an_inspect::<$policy>();

        #[cfg(target_arch = "wasm32")]
        impl $crate::bindings::inspecting::exports::sluice::policy::inspect::Guest for Exported {
            fn session() -> Option<String> {
                POLICY.with(|policy| policy.scope())
            }
            fn columns(scope: String, columns: Vec<$crate::OutputColumn>) -> Vec<u32> {
                POLICY.with(|policy| policy.covered(&scope, &columns))
            }
            fn batch(
                scope: String,
                columns: Vec<$crate::OutputColumn>,
                chunks: Vec<$crate::Chunk>,
            ) -> Result<
                $crate::bindings::inspecting::exports::sluice::policy::inspect::Inspected,
                String,
            > {
                POLICY.with(|policy| policy.inspect(&scope, &columns, chunks))
            }
        }

        #[cfg(target_arch = "wasm32")]
        $crate::bindings::inspecting::export_inspect!(
            Exported with_types_in $crate::bindings::inspecting
        );
    };
}
