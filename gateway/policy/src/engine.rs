//! The Wasm engine: one for all policies, with everything off that no policy needs.

mod ticker;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

pub(crate) use self::ticker::Running;
use self::ticker::{TICK, Ticker};
use crate::compiler::{self, Compiler};
use crate::config::{EngineConfig, Metering};
use crate::error::{LoadError, Step};

/// Bytes of an instance's memory that stay mapped when its slot is used again. Without it every
/// start pays for unmapping, and cores pay for each other's.
const KEEP_RESIDENT: usize = 1 << 20;

/// The stack of a guest.
const STACK_BYTES: usize = 512 << 10;

/// Parts that a component may be made of. Languages with a runtime of their own bring several; the
/// one that brings most is Python, with 38.
const CORE_INSTANCES_PER_COMPONENT: u32 = 64;

/// Memories that the parts of a component may have together. One is usual; JavaScript has three, two
/// of them with what it has in place of WASI. Each counts as an instance of the pool.
const MEMORIES_PER_COMPONENT: u32 = 4;

/// An image of a memory up to here is kept, however little there is in it.
const DENSE_IMAGE_BYTES: u64 = 64 << 10;

/// Elements of a table: functions that a guest calls through pointers.
const TABLE_ELEMENTS: usize = 20_000;

/// Of the instances that policies may have, so many more are there for shadows alone: a share of one in
/// so many.
const SHADOWS_SHARE: u32 = 2;

/// The Wasm engine with its two threads: one for deadlines, one that drops what nobody needs any
/// more. Clones share it; the threads end with the last.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    wasm: wasmtime::Engine,
    config: EngineConfig,
    compiler: Option<Compiler>,
    ticker: Ticker,
    discarded: mpsc::Sender<Box<dyn Any + Send>>,
    /// Memories that shadows may still take.
    shadows: Arc<AtomicU32>,
}

/// Room in the pool that a shadow takes for as long as this lives.
#[derive(Debug)]
pub(crate) struct ShadowRoom {
    left: Arc<AtomicU32>,
    memories: u32,
}

impl Drop for ShadowRoom {
    fn drop(&mut self) {
        self.left.fetch_add(self.memories, Ordering::Relaxed);
    }
}

impl Engine {
    /// Starts the engine.
    pub fn new(config: EngineConfig) -> Result<Engine, LoadError> {
        let fault = |error: String| LoadError::new(Step::Engine, error);
        let compiler = config.compiler.clone().map(Compiler::new).transpose()?;
        let mut settings = settings(&config);
        if let Some(compiler) = &compiler {
            settings.cache(Some(compiler::cache(compiler.kept())?));
        }
        let wasm = wasmtime::Engine::new(&settings).map_err(|e| fault(format!("{e:#}")))?;
        let ticker = Ticker::start(wasm.weak()).map_err(|e| fault(e.to_string()))?;
        let (discarded, received) = mpsc::channel::<Box<dyn Any + Send>>();
        spawn("policy-reaper", move || received.iter().for_each(drop))
            .map_err(|e| fault(e.to_string()))?;
        let shadows = Arc::new(AtomicU32::new(room_for_shadows(&config)));
        Ok(Engine {
            inner: Arc::new(Inner {
                wasm,
                config,
                compiler,
                ticker,
                discarded,
                shadows,
            }),
        })
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.inner.wasm
    }

    pub(crate) fn config(&self) -> &EngineConfig {
        &self.inner.config
    }

    /// Lets a process of its own compile the module, if there is one for that, before this one does.
    pub(crate) fn compile_aside(&self, module: &[u8]) -> Result<(), LoadError> {
        let compiler = self.inner.compiler.as_ref();
        compiler.map_or(Ok(()), |one| one.compile(self.config(), module))
    }

    /// True where guests have fuel, which is then what is counted.
    pub(crate) fn meters(&self) -> bool {
        self.inner.config.metering == Metering::Fuel
    }

    /// Says that a guest runs for as long as what it returns lives: only then do deadlines pass.
    pub(crate) fn running(&self) -> Running {
        self.inner.ticker.running()
    }

    /// Room for a shadow with so many memories; none where shadows have taken all of theirs. What
    /// policies need is never taken.
    pub(crate) fn room_for_shadow(&self, memories: u32) -> Option<ShadowRoom> {
        let left = Arc::clone(&self.inner.shadows);
        let take = |left: u32| left.checked_sub(memories);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        Some(ShadowRoom { left, memories })
    }

    /// Drops the value on a thread of the engine: freeing code and memory takes a while.
    pub(crate) fn discard(&self, value: Box<dyn Any + Send>) {
        // Where the thread is gone, the value comes back in the error and is dropped here.
        drop(self.inner.discarded.send(value));
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
}

/// How many ticks a call may see. One more than the time asks for, because the first one may come
/// at once.
pub(crate) fn ticks(deadline: Duration) -> u64 {
    let ticks = deadline.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks)
        .unwrap_or(u64::MAX / 2)
        .saturating_add(1)
}

pub(crate) fn settings(config: &EngineConfig) -> Config {
    let mut settings = Config::new();
    settings
        // Component-model async costs 300 ns a call, and no policy waits for anything.
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(config.metering == Metering::Fuel)
        .max_wasm_stack(STACK_BYTES)
        .cranelift_nan_canonicalization(true)
        // One that is mostly empty is made of some bytes, and kept whole.
        .memory_guaranteed_dense_image_size(DENSE_IMAGE_BYTES)
        .wasm_backtrace_max_frames(None)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    // What policies do not need is what cannot have a hole. Several memories in one module are what
    // the parts of a component pass values by, as in JavaScript; no module may have several itself.
    settings
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_stack_switching(false)
        .shared_memory(false);
    settings
}

fn room_for_shadows(config: &EngineConfig) -> u32 {
    config.instances.div_ceil(SHADOWS_SHARE)
}

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let instances = config.instances.max(1);
    let instances = instances.saturating_add(room_for_shadows(config));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(3))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(4)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(config.memory_bytes)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 << 10);
    pool
}
