//! Prints what one recorded statement costs, in nanoseconds: the best of many batches, as other work disturbs some.

use std::time::{Duration, SystemTime};

use sluice_trail::{
    Effect, Format, Judged, Opening, Outcome, Parameter, SessionId, SessionOpening, Statement,
    Step, Text, Trail, TrailConfig,
};

const STATEMENTS: u32 = 5_000;
const BATCHES: u32 = 50;

#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn main() -> sluice_trail::Result<()> {
    let dir = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "/tmp/sluice-trail-cost".into());
    let trail = Trail::open(TrailConfig::new(&dir))?;
    let writer = trail.writer()?;
    let session = writer.session(&session())?;
    let text = Text::new("SELECT abalance FROM pgbench_accounts WHERE aid = $1;");
    let once = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;";
    for (name, statement) in [
        ("kept", Statement::Kept(&text)),
        ("once", Statement::Once(once)),
    ] {
        for delivered in [0, 60, 1000] {
            let result = vec![b'x'; delivered];
            let mut least = Duration::MAX;
            for _ in 0..BATCHES {
                // The next segment is made meanwhile, as it is between the statements of real clients.
                std::thread::sleep(Duration::from_millis(60));
                let begun = SystemTime::now();
                for _ in 0..STATEMENTS {
                    let step = Step::Execute;
                    let mut entry = session.open(&Opening {
                        time: begun,
                        step,
                        statement,
                    });
                    entry.parameter(&Parameter {
                        type_oid: 23,
                        format: Format::Binary,
                        value: Some(&[0, 0, 18, 103]),
                    });
                    entry.judged(&JUDGED)?;
                    entry.delivered(&result)?;
                    entry.close(&OUTCOME);
                }
                least = least.min(begun.elapsed().unwrap_or_default());
            }
            let took = least / STATEMENTS;
            println!(
                "{name}, {delivered} bytes delivered: {} ns",
                took.as_nanos()
            );
        }
    }
    drop((session, writer, trail));
    std::fs::remove_dir_all(&dir).map_err(|source| sluice_trail::Error::File {
        what: "remove",
        path: dir.into(),
        source,
    })
}

const JUDGED: Judged<'static> = Judged {
    effect: Effect::Allow,
    policy: "",
    reason: "",
    generation: 1,
    digests: &[],
    masks: None,
    keep: None,
};

const OUTCOME: Outcome<'static> = Outcome {
    tag: "SELECT 1",
    rows: 1,
    bytes: 60,
    sqlstate: None,
    duration: Duration::from_micros(90),
};

fn session() -> SessionOpening {
    SessionOpening {
        session: SessionId::new(SystemTime::now(), 1),
        time: SystemTime::now(),
        subject: "alice".into(),
        issuer: "https://idp.example".into(),
        email: None,
        groups: Vec::new(),
        actors: Vec::new(),
        database: "bench".into(),
        role: "bench".into(),
        client: "127.0.0.1:5000".into(),
        application: "pgbench".into(),
        protocol: "3.0".into(),
        tls: None,
        gateway: None,
    }
}
