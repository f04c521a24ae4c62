//! One running policy: a store, its limits, and calls that end in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Store, Trap};

use crate::bindings::{hooks, inspect, transform, types};
use crate::deadline::Deadline;
use crate::engine::{Engine, Running, ShadowRoom};
use crate::facts::{Facts, RequestFacts};
use crate::grants::{Claims, Unwilling};
use crate::meter::{Answer, Hook};
use crate::opinion::plain;
use crate::rules::Rules;
use crate::set::Policy;
use crate::verdict::Failure;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// What is wrong, with the guest's own words where it has said some.
    pub(crate) reason: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.failure, self.reason)
    }
}

impl Failed {
    pub(crate) fn answer(reason: impl Into<String>) -> Failed {
        Failed {
            failure: Failure::Answer,
            reason: reason.into(),
        }
    }
}

/// What a guest sees of us, and what we count of it.
pub(crate) struct Host {
    pub(crate) facts: Facts,
    /// True once the guest has looked at what may be otherwise the next time, or for another token
    /// of the same person.
    pub(crate) unrepeatable: bool,
    /// True once the guest has looked at what literals of a text decide, which texts of one shape share
    /// otherwise.
    pub(crate) by_literals: bool,
    /// True once the guest has looked at what no record of a request holds.
    pub(crate) unrecorded: bool,
    pub(crate) policy: Arc<Policy>,
    pub(crate) claims: Claims,
    /// By which rules the guest transforms columns: what it has said.
    pub(crate) rules: Rules,
    /// The rules of the columns that it transforms now, by their positions in the result.
    pub(crate) transformed: Vec<(u32, Option<u32>)>,
    /// Lines that it wrote to the log.
    pub(crate) lines: u32,
    limits: Limits,
    deadline: Deadline,
}

/// What a call has of fuel where the engine counts it: more than any deadline lets it burn.
const FUEL: u64 = u64::MAX;
/// Elements that the tables of an instance may have together.
const TABLE_ELEMENTS: usize = 100_000;

/// What an instance has, and may have, of memory.
struct Limits {
    memory: usize,
    memory_max: usize,
    tables: usize,
    /// True once more was asked for than there may be.
    exceeded: bool,
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        let fits = total <= self.memory_max;
        if fits {
            self.memory = total;
        } else {
            self.exceeded = true;
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        let fits = total <= TABLE_ELEMENTS;
        if fits {
            self.tables = total;
        } else {
            self.exceeded = true;
        }
        Ok(fits)
    }
}

impl types::Host for Host {}

/// One running policy.
pub(crate) struct Instance {
    store: Store<Host>,
    hooks: hooks::Guest,
    transform: Option<transform::Guest>,
    inspect: Option<inspect::Guest>,
    policy: Arc<Policy>,
    engine: Engine,
    calls: u32,
    /// What a shadow takes of the room for shadows; given back once the store is gone.
    room: Option<ShadowRoom>,
}

impl Instance {
    /// Instantiates and configures.
    pub(crate) fn start(engine: &Engine, policy: &Arc<Policy>) -> Result<Instance, Failed> {
        let mut instance = Instance::instantiate(engine, policy)?;
        instance.configure()?.map_err(|words| Failed {
            failure: Failure::Start,
            reason: format!("it does not take its settings any more: {}", plain(&words)),
        })?;
        Ok(instance)
    }

    /// As `start`, with each hook of a statement run once over nothing: the first call is the dearest one in
    /// languages with a run time of their own. One that fails at that is started plainly.
    pub(crate) fn start_warm(engine: &Engine, policy: &Arc<Policy>) -> Result<Instance, Failed> {
        let mut instance = Instance::start(engine, policy)?;
        match instance.warm() {
            Ok(()) => Ok(instance),
            Err(_) => Instance::start(engine, policy),
        }
    }

    fn warm(&mut self) -> Result<(), Failed> {
        self.decide_nothing()?;
        self.claims();
        match self.transform {
            Some(_) => self.batch(&[], &[], &[]).map(drop),
            None => Ok(()),
        }
    }

    /// Asks about a request of which nothing is known.
    pub(crate) fn decide_nothing(&mut self) -> Result<types::Decision, Failed> {
        self.decide(Facts {
            request: Some(RequestFacts::nothing()),
            ..Facts::default()
        })
    }

    /// Instantiates and configures a shadow, which takes no room that policies need.
    pub(crate) fn start_shadow(engine: &Engine, policy: &Arc<Policy>) -> Result<Instance, Failed> {
        let room = engine.room_for_shadow(policy.compiled.memories());
        let room = room.ok_or_else(|| Failed {
            failure: Failure::Start,
            reason: "shadows have taken all the room that there is for them".to_owned(),
        })?;
        let mut instance = Instance::start(engine, policy)?;
        instance.room = Some(room);
        Ok(instance)
    }

    /// Instantiates; a start function of the guest runs under the same limits as any call.
    pub(crate) fn instantiate(engine: &Engine, policy: &Arc<Policy>) -> Result<Instance, Failed> {
        policy.counters.started();
        let mut store = store(engine, policy, policy.limits.deadline_start);
        let _running = engine.running();
        let instance = policy.compiled.pre().instantiate(&mut store);
        let instance = instance.map_err(|error| failed(&store, &error, Failure::Start))?;
        let unusable = |error: wasmtime::Error| Failed {
            failure: Failure::Start,
            reason: format!("{error:#}"),
        };
        let hooks = policy
            .compiled
            .hooks()
            .load(&mut store, &instance)
            .map_err(unusable)?;
        let transform = policy.compiled.transform();
        let transform = transform
            .map(|indices| indices.load(&mut store, &instance))
            .transpose();
        let transform = transform.map_err(unusable)?;
        let inspect = policy.compiled.inspect();
        let inspect = inspect
            .map(|indices| indices.load(&mut store, &instance))
            .transpose();
        let inspect = inspect.map_err(unusable)?;
        Ok(Instance {
            store,
            hooks,
            transform,
            inspect,
            policy: Arc::clone(policy),
            engine: engine.clone(),
            calls: 0,
            room: None,
        })
    }

    /// Gives the guest its settings. The inner error is the guest's own.
    pub(crate) fn configure(&mut self) -> Result<Result<(), String>, Failed> {
        let _running = self.begin(Facts::default(), self.policy.limits.deadline_start);
        let settings = Arc::clone(&self.policy.settings);
        let answer = self.hooks.call_configure(&mut self.store, &settings);
        self.end(Hook::Configure, answer)
    }

    /// Asks what the policy says about a session.
    pub(crate) fn session(&mut self, facts: Facts) -> Result<types::SessionDecision, Failed> {
        let _running = self.begin(facts, self.policy.limits.deadline_start);
        let answer = self.hooks.call_session(&mut self.store);
        self.end(Hook::Session, answer)
    }

    /// Asks what the policy says about a request.
    pub(crate) fn decide(&mut self, facts: Facts) -> Result<types::Decision, Failed> {
        let _running = self.begin(facts, self.policy.limits.deadline_decide);
        let answer = self.hooks.call_decide(&mut self.store);
        self.end(Hook::Decide, answer)
    }

    /// Lets the policy transform columns.
    pub(crate) fn batch(
        &mut self,
        columns: &[types::ResultColumn],
        rules: &[Option<u32>],
        chunks: &[types::Chunk],
    ) -> Result<Vec<types::Chunk>, Failed> {
        let _running = self.begin(Facts::default(), self.policy.limits.deadline_batch);
        let Some(transform) = &self.transform else {
            return Err(Failed::answer("it has no transform"));
        };
        let positions = columns.iter().map(|column| column.position);
        let transformed = positions.zip(rules.iter().copied());
        self.store.data_mut().transformed.extend(transformed);
        let answer = transform.call_batch(&mut self.store, columns, chunks);
        // Its own words could carry the values that it was given.
        self.end(Hook::Batch, answer)?
            .map_err(|_| Failed::answer("it refused the rows"))
    }

    /// True where the answer of the last call is good for texts with the same literals only.
    pub(crate) fn is_by_literals(&self) -> bool {
        self.store.data().by_literals
    }

    /// True where the answer of the last call is good for once: it looked at the clock, at counters or
    /// at what differs between tokens of the same person.
    pub(crate) fn is_unrepeatable(&self) -> bool {
        self.store.data().unrepeatable
    }

    /// What the last call claimed of the policy's counters.
    pub(crate) fn claims(&mut self) -> Claims {
        std::mem::take(&mut self.store.data_mut().claims)
    }

    /// What the last call said of the rules by which the policy transforms columns.
    pub(crate) fn rules(&mut self) -> Rules {
        std::mem::take(&mut self.store.data_mut().rules)
    }

    /// Asks whether the policy looks at the results of a session, and as what; none where it does not.
    pub(crate) fn scope(&mut self, facts: Facts) -> Result<Option<String>, Failed> {
        if self.inspect.is_none() {
            return Ok(None);
        }
        let _running = self.begin(facts, self.policy.limits.deadline_decide);
        let answer = match &self.inspect {
            Some(inspect) => inspect.call_session(&mut self.store),
            None => Ok(None),
        };
        self.end(Hook::Inspect, answer)
    }

    /// Asks which columns of a result the policy looks at.
    pub(crate) fn inspected_columns(
        &mut self,
        scope: &str,
        columns: &[inspect::OutputColumn],
    ) -> Result<Vec<u32>, Failed> {
        let _running = self.begin(Facts::default(), self.policy.limits.deadline_batch);
        let Some(inspect) = &self.inspect else {
            return Err(Failed::answer("it looks at no results"));
        };
        let answer = inspect.call_columns(&mut self.store, scope, columns);
        self.end(Hook::Inspect, answer)
    }

    /// Lets the policy look at columns.
    pub(crate) fn inspect(
        &mut self,
        scope: &str,
        columns: &[inspect::OutputColumn],
        chunks: &[types::Chunk],
    ) -> Result<inspect::Inspected, Failed> {
        let _running = self.begin(Facts::default(), self.policy.limits.deadline_batch);
        let Some(inspect) = &self.inspect else {
            return Err(Failed::answer("it looks at no results"));
        };
        let answer = inspect.call_batch(&mut self.store, scope, columns, chunks);
        // Its own words could carry the values that it was given.
        self.end(Hook::Inspect, answer)?
            .map_err(|_| Failed::answer("it refused the rows"))
    }

    /// True where the last call looked at what no record of a request holds: claims of the token, the
    /// clock, counters.
    pub(crate) fn read_unrecorded(&self) -> bool {
        self.store.data().unrecorded
    }

    /// Refuses one that has asked for more memory than it may have, however it bore that.
    pub(crate) fn check_memory(&self) -> Result<(), Failed> {
        match self.store.data().limits.exceeded {
            false => Ok(()),
            true => Err(Failed {
                failure: Failure::Memory,
                reason: "it asked for more memory than it may have".to_owned(),
            }),
        }
    }

    /// True where it has served long enough, or has grown so much that a fresh one is better.
    pub(crate) fn is_worn(&self) -> bool {
        let limits = &self.store.data().limits;
        self.calls >= self.policy.limits.calls_per_instance || limits.exceeded
    }

    fn begin(&mut self, facts: Facts, deadline: Duration) -> Running {
        self.calls = self.calls.saturating_add(1);
        self.policy.counters.called();
        let ticks = self.store.data_mut().deadline.begin(deadline);
        self.store.set_epoch_deadline(ticks);
        fill(&mut self.store, &self.engine);
        let host = self.store.data_mut();
        host.facts = facts;
        host.unrepeatable = false;
        host.by_literals = false;
        host.unrecorded = false;
        host.claims = Claims::default();
        host.rules = Rules::default();
        host.transformed.clear();
        host.lines = 0;
        self.engine.running()
    }

    fn end<T: Answer>(&mut self, hook: Hook, answer: wasmtime::Result<T>) -> Result<T, Failed> {
        self.store.data_mut().facts = Facts::default();
        if self.engine.meters() {
            let fuel = FUEL - self.store.get_fuel().unwrap_or(FUEL);
            let memory = self.store.data().limits.memory;
            let bytes = answer.as_ref().map_or(0, Answer::bytes);
            self.policy.counters.meter.note(hook, fuel, memory, bytes);
        }
        answer.map_err(|error| failed(&self.store, &error, Failure::Trap))
    }
}

/// The only maker of stores, so that none lacks a limit: a store without an epoch deadline traps
/// at once, and one without a limiter grows without end.
fn store(engine: &Engine, policy: &Arc<Policy>, deadline: Duration) -> Store<Host> {
    let limits = Limits {
        memory: 0,
        memory_max: policy.limits.memory_bytes,
        tables: 0,
        exceeded: false,
    };
    let host = Host {
        facts: Facts::default(),
        unrepeatable: false,
        by_literals: false,
        unrecorded: false,
        policy: Arc::clone(policy),
        claims: Claims::default(),
        rules: Rules::default(),
        transformed: Vec::new(),
        lines: 0,
        limits,
        deadline: Deadline::default(),
    };
    let mut store = Store::new(engine.wasm(), host);
    store.limiter(|host| &mut host.limits);
    let ticks = store.data_mut().deadline.begin(deadline);
    store.set_epoch_deadline(ticks);
    store.epoch_deadline_callback(|mut store| store.data_mut().deadline.is_over());
    store.set_hostcall_fuel(policy.limits.output_bytes);
    fill(&mut store, engine);
    store
}

/// Gives the guest all the fuel that there is, where the engine counts it: time is what is limited.
fn fill(store: &mut Store<Host>, engine: &Engine) {
    if engine.meters() {
        store
            .set_fuel(FUEL)
            .expect("an engine that meters has fuel");
    }
}

/// What kind of failure an error is, and words for it that say nothing of the guest's memory.
fn failed(store: &Store<Host>, error: &wasmtime::Error, otherwise: Failure) -> Failed {
    let limits = &store.data().limits;
    let trap = error.downcast_ref::<Trap>().copied();
    let cause = error.root_cause().to_string();
    let unwilling = error.downcast_ref::<Unwilling>();
    let (failure, reason) = if let Some(unwilling) = unwilling {
        (unwilling.failure, unwilling.reason.clone())
    } else if trap == Some(Trap::Interrupt) {
        (Failure::Deadline, "it ran into its deadline".to_owned())
    } else if cause.contains("allocated for hostcalls") {
        (
            Failure::Output,
            "its answer is larger than it may be".to_owned(),
        )
    } else if limits.exceeded {
        (
            Failure::Memory,
            format!(
                "it wanted more than its {} bytes of memory",
                limits.memory_max
            ),
        )
    } else if trap.is_some() {
        (Failure::Trap, cause)
    } else {
        (otherwise, cause)
    };
    Failed { failure, reason }
}
