//! What calls of a policy take: those of its cases, and batches of their rows.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Context as _;
use bytes::BytesMut;
use policy::{Hook, Mask, Masker, Metering, PolicyLimits, Verdict};
use tokio::time::Instant;

use super::trial::Trial;
use super::{Case, Suite};

/// How many rows are masked together.
pub const BATCHES: [usize; 4] = [1, 16, 256, 1024];

/// What is done to rows beside the policy's own mask: about the least that a mask can do.
const FLOOR: Mask = Mask::KeepLast(4);

/// Rounds of which the median counts.
const ROUNDS: usize = 101;
/// How long a round takes, about: short, so that most of them pass undisturbed on a busy machine.
const ROUND: Duration = Duration::from_millis(1);

/// Nanoseconds, where nothing else is said; of several rounds, the median.
#[derive(Debug)]
pub struct Timings {
    /// Milliseconds, once: to compile it, start it and give it its settings.
    pub load: f64,
    /// What an empty call calls.
    pub emptiest: Hook,
    /// A call over nothing.
    pub empty: f64,
    /// A judgement of each case, by its name, the policy being asked each time.
    pub decide: Vec<(String, f64)>,
    /// A row, by how many are masked together; else why there are none.
    pub rows: Result<Vec<RowTiming>, &'static str>,
}

/// Nanoseconds that one row takes.
#[derive(Clone, Copy, Debug)]
pub struct RowTiming {
    /// How many rows are masked together.
    pub batch: usize,
    /// Masked by the policy.
    pub policy: f64,
    /// Masked by the gateway itself, by `keep-last`.
    pub host: f64,
}

impl Suite {
    /// Measures the module on the cases, through the judge and the masker that sessions have. Needs a
    /// thread with a deep stack.
    ///
    /// # Errors
    /// As [`run`](Self::run); or no case can be judged.
    pub fn time(&self, module: &std::path::Path, limits: &PolicyLimits) -> anyhow::Result<Timings> {
        let began = Instant::now();
        let mut trial = self.trial(module, limits, Metering::Off)?;
        let load = began.elapsed().as_secs_f64() * 1000.0;
        let emptiest = trial.call_empty()?;
        let empty = median(|| trial.call_empty().map(drop))?;
        let mut decide = Vec::new();
        for case in &self.cases {
            let time = self.time_case(case, &mut trial);
            let time = time.with_context(|| case.name.clone())?;
            decide.extend(time.map(|time| (case.name.clone(), time)));
        }
        let rows = match trial.transforms() {
            true => self.time_rows(&mut trial)?,
            false => Err("it has no transform: the gateway makes its masks"),
        };
        Ok(Timings {
            load,
            emptiest,
            empty,
            decide,
            rows,
        })
    }

    /// None where the case asks for no judgement.
    fn time_case(&self, case: &Case, trial: &mut Trial) -> anyhow::Result<Option<f64>> {
        let Ok(mut hearing) = trial.open_hearing(case, self.settings_of(case))? else {
            return Ok(None);
        };
        median(|| {
            black_box(trial.judge(&mut hearing));
            Ok(())
        })
        .map(Some)
    }

    /// Measures the rows of the first case whose rows the policy masks itself.
    fn time_rows(&self, trial: &mut Trial) -> anyhow::Result<Result<Vec<RowTiming>, &'static str>> {
        for case in &self.cases {
            let Some(rows) = case.rows.as_ref().filter(|rows| !rows.is_empty()) else {
                continue;
            };
            let Ok(mut hearing) = trial.open_hearing(case, self.settings_of(case))? else {
                continue;
            };
            let Verdict::Allow(permit) = trial.judge(&mut hearing) else {
                continue;
            };
            let Some(plan) = permit.plan().result(0) else {
                continue;
            };
            if !plan
                .masked()
                .any(|(_, mask)| matches!(mask, Mask::Custom(_)))
            {
                continue;
            }
            let description = trial.describe(hearing.analysis())?;
            let width = description.fields.len();
            let mut policy = plan.bind(&description)?;
            let mut host = plan.by_the_host(&FLOOR).bind(&description)?;
            let timing = |batch| {
                let cycle = rows.iter().cycle().take(batch);
                let sent = super::trial::data_rows(cycle, width)?;
                let mut a_row = |masker: &mut Masker| -> anyhow::Result<f64> {
                    Ok(trial.time_mask(masker, &sent)? / batch as f64)
                };
                Ok(RowTiming {
                    batch,
                    policy: a_row(&mut policy)?,
                    host: a_row(&mut host)?,
                })
            };
            return BATCHES
                .into_iter()
                .map(timing)
                .collect::<anyhow::Result<_>>()
                .map(Ok);
        }
        Ok(Err("no case has rows that it transforms"))
    }
}

impl Trial {
    fn time_mask(&mut self, masker: &mut Masker, rows: &[u8]) -> anyhow::Result<f64> {
        let mut out = BytesMut::with_capacity(rows.len() * 2);
        median(|| {
            out.clear();
            self.mask(masker, black_box(rows), &mut out)?;
            black_box(&out);
            Ok(())
        })
    }
}

/// Nanoseconds of one piece of work.
fn median(mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut round = |calls: u32| -> anyhow::Result<f64> {
        let began = Instant::now();
        for _ in 0..calls {
            work()?;
        }
        Ok(began.elapsed().as_nanos() as f64 / f64::from(calls))
    };
    let first = round(10)?.max(1.0);
    let calls = (ROUND.as_nanos() as f64 / first) as u32 + 1;
    let rounds: anyhow::Result<Vec<f64>> = (0..ROUNDS).map(|_| round(calls)).collect();
    let mut rounds = rounds?;
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}
