//! One table per question.

use std::fmt::Write;
use std::hint::black_box;

use clap::ValueEnum;
use forms_xbar::kernel::Level;
use forms_xbar::read::Plan;
use forms_xbar::{ActivityLevel, Budget, Die, Key, Prepared};

use super::Result;
use super::baselines::Product;
use super::emulations::Emulation;
use super::pairs::{Pair, Patience, Subject, interleave};
use super::problem::{Kind, Problem, bytes};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Table {
    /// Beside float products and emulations
    Standard,
    /// Levels of the CPU, forced
    Levels,
    /// Active rows
    Rows,
    /// Bits of an input
    Bits,
    /// Vectors of a batch, and single vectors
    Batch,
    /// Sizes of a matrix
    Sizes,
    /// What is counted
    Activity,
    /// Two threads beside one
    Threads,
    /// What tables cost to build
    Build,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    pub(crate) patience: Patience,
    /// Size of the largest matrix.
    pub(crate) largest: usize,
}

/// Vectors of a batch.
const BATCH: usize = 256;

/// Vectors of each kind that emulations read and are checked with: they are slow.
const FEW: usize = 8;

impl Table {
    /// Measures and prints, on one thread but for [`Table::Threads`].
    pub(crate) fn measure(self, scope: Scope) -> Result<String> {
        let measure = match self {
            Table::Standard => standard,
            Table::Levels => levels,
            Table::Rows => rows,
            Table::Bits => bits,
            Table::Batch => batch,
            Table::Sizes => sizes,
            Table::Activity => activity,
            Table::Threads => return threads(scope),
            Table::Build => build,
        };
        // An error of any kind cannot leave its thread.
        on_threads(1, || measure(scope).map_err(|error| error.to_string()))?.map_err(Into::into)
    }
}

/// Runs `call` where a batch has so many threads; without feature `rayon` there is one anyway.
#[cfg(feature = "rayon")]
fn on_threads<T: Send>(threads: usize, call: impl FnOnce() -> T + Send) -> Result<T> {
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?.install(call))
}

#[cfg(not(feature = "rayon"))]
fn on_threads<T>(_: usize, call: impl FnOnce() -> T) -> Result<T> {
    Ok(call())
}

/// Lines of a table under its heading.
struct Lines(String);

impl Lines {
    fn new(title: &str, case: &str, baseline: &str) -> Self {
        Lines(format!(
            "## {title}\n\n| {case} | time | {baseline} | ratio | quartiles |\n| --- | --- | --- | --- | --- |\n"
        ))
    }

    fn add(&mut self, case: &str, Pair { subject, baseline, ratio: [low, ratio, high] }: Pair) {
        _ = writeln!(
            self.0,
            "| {case} | {} | {} | {} | {}–{} |",
            time(subject),
            time(baseline),
            digits(ratio),
            digits(low),
            digits(high)
        );
    }
}

/// A time with its unit.
fn time(secs: f64) -> String {
    match secs {
        secs if secs < 1e-6 => format!("{} ns", digits(secs * 1e9)),
        secs if secs < 1e-3 => format!("{} µs", digits(secs * 1e6)),
        secs => format!("{} ms", digits(secs * 1e3)),
    }
}

/// About three digits.
fn digits(x: f64) -> String {
    match x {
        x if x < 0.1 => format!("{x:.4}"),
        x if x < 10.0 => format!("{x:.2}"),
        x if x < 100.0 => format!("{x:.1}"),
        x => format!("{x:.0}"),
    }
}

fn of_plan(Plan { kernel, streams, bytes, level }: Plan) -> String {
    let streams = if streams { ", streamed" } else { "" };
    format!("{kernel:?} {level:?}, {:.1} MiB{streams}", bytes as f64 / f64::from(1 << 20))
}

/// Inputs and results of a prepared die in the types a user would take.
enum Buffers {
    Narrow(Vec<u8>, Vec<i32>),
    Wide(Vec<u16>, Vec<i32>),
    Widest(Vec<u16>, Vec<i64>),
}

impl Buffers {
    fn new(die: &Die, x: &[u16]) -> Result<Self> {
        let results = x.len() / die.inputs() * die.outputs();
        Ok(if die.design().input_format().planes() <= 8 {
            Buffers::Narrow(bytes(x)?, vec![0; results])
        } else if die.bound() <= i32::MAX.into() {
            Buffers::Wide(x.to_vec(), vec![0; results])
        } else {
            Buffers::Widest(x.to_vec(), vec![0; results])
        })
    }

    fn result_name(&self) -> &'static str {
        match self {
            Buffers::Narrow(..) | Buffers::Wide(..) => "i32",
            Buffers::Widest(..) => "i64",
        }
    }

    /// The public batch call.
    fn read(&mut self, prepared: &Prepared<'_>, level: ActivityLevel) -> forms_xbar::Result<()> {
        let keys = |_| Key::from(1);
        match self {
            Buffers::Narrow(x, y) => prepared.mvm_batch_into_keyed(black_box(x), keys, black_box(y), level),
            Buffers::Wide(x, y) => prepared.mvm_batch_into_keyed(black_box(x), keys, black_box(y), level),
            Buffers::Widest(x, y) => prepared.mvm_batch_into_keyed(black_box(x), keys, black_box(y), level),
        }
        .map(|activity| _ = black_box(activity))
    }

    /// Whether the first results are the die's.
    fn check(&self, die: &Die) -> Result<()> {
        let (x, y): (Vec<u16>, Vec<i64>) = match self {
            Buffers::Narrow(x, y) => {
                (x.iter().map(|&x| x.into()).collect(), y.iter().map(|&y| y.into()).collect())
            }
            Buffers::Wide(x, y) => (x.clone(), y.iter().map(|&y| y.into()).collect()),
            Buffers::Widest(x, y) => (x.clone(), y.clone()),
        };
        for (x, y) in x.chunks_exact(die.inputs()).zip(y.chunks_exact(die.outputs())).take(2) {
            if die.mvm_keyed(x, Key::from(0))?.y != y {
                return Err("a prepared die returns something else than the die".into());
            }
        }
        Ok(())
    }

    /// What is timed, after one call whose results are looked at.
    fn subject<'a>(&'a mut self, prepared: &'a Prepared<'_>, level: ActivityLevel) -> Result<Subject<'a>> {
        let die = prepared.die();
        self.read(prepared, level)?;
        self.check(die)?;
        let vectors = match self {
            Buffers::Narrow(x, _) => x.len(),
            Buffers::Wide(x, _) | Buffers::Widest(x, _) => x.len(),
        } / die.inputs();
        Ok(Subject::new(vectors, move || {
            // The same call has just succeeded.
            _ = self.read(prepared, level);
        }))
    }
}

/// A case measured against `gemm`.
struct Case {
    problem: Problem,
    kind: Kind,
    budget: Budget,
    activity: ActivityLevel,
}

impl Case {
    const fn new(problem: Problem, kind: Kind, budget: Budget) -> Self {
        Case { problem, kind, budget, activity: ActivityLevel::Counts }
    }

    /// Its ratio, with the plan and the type of the results.
    fn measure(&self, scope: Scope) -> Result<(Pair, Plan, &'static str)> {
        let die = self.problem.program()?;
        self.measure_die(&die, scope)
    }

    /// The same on a die that is there.
    fn measure_die(&self, die: &Die, scope: Scope) -> Result<(Pair, Plan, &'static str)> {
        let x = self.problem.inputs(self.kind, self.budget.batch());
        let prepared = die.prepare(self.budget)?;
        let mut product = Product::new(&self.problem.weights()?, &x);
        product.check()?;
        let mut buffers = Buffers::new(die, &x)?;
        let result = buffers.result_name();
        let pair = interleave(
            &mut buffers.subject(&prepared, self.activity)?,
            &mut product.by_gemm(),
            scope.patience,
        );
        Ok((pair, prepared.plan(), result))
    }
}

fn standard(scope: Scope) -> Result<String> {
    let mut products = Lines::new("Beside float products", "prepared die against", "float product");
    let mut emulations = Lines::new("Emulations beside it", "emulation", "prepared die");
    let problem = Problem::STANDARD;
    let (weights, die) = (problem.weights()?, problem.program()?);
    let emulation = Emulation::new(&die, &weights)?;
    let prepared = die.prepare(Budget::default())?;
    for kind in Kind::ALL {
        let x = problem.inputs(kind, BATCH);
        let narrow = bytes(&x)?;
        let few = &narrow[..FEW * problem.size];
        emulation.check(&die, few)?;
        let mut product = Product::new(&weights, &x);
        product.check()?;
        let mut buffers = Buffers::new(&die, &x)?;
        let mut ours = buffers.subject(&prepared, ActivityLevel::Counts)?;
        let case = |name: &str| format!("{name}, {}", kind.name());
        let pair = interleave(&mut ours, &mut product.by_gemm(), scope.patience);
        products.add(&case("`gemm` f32"), pair);
        let pair = interleave(&mut ours, &mut product.by_nalgebra(), scope.patience);
        products.add(&case("nalgebra f32"), pair);
        for (name, mut subject) in [("nalgebra", emulation.nalgebra(few)), ("per-cell", emulation.cells(few))]
        {
            emulations.add(&case(name), interleave(&mut subject, &mut ours, scope.patience));
        }
    }
    Ok(format!(
        "{}\n{}\nThe nalgebra emulation multiplies an f32 matrix of conductances with a vector of bits for every plane \
         and fragment,\nthen rounds; the per-cell emulation adds f64 currents cell by cell. Both return the die's results: \
         {} vectors compared\nbefore they were timed.\n",
        products.0,
        emulations.0,
        2 * FEW
    ))
}

fn levels(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Levels of the CPU, forced", "level", "`gemm`, its best level");
    let die = Problem::STANDARD.program()?;
    for level in Level::available().into_iter().rev() {
        for kind in Kind::ALL {
            let case = Case::new(Problem::STANDARD, kind, Budget::default().with_level(level));
            let (pair, ..) = case.measure_die(&die, scope)?;
            lines.add(&format!("{level:?}, {}", kind.name()), pair);
        }
    }
    Ok(lines.0)
}

fn rows(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Active rows", "rows of a fragment", "`gemm`");
    for (fragment, adc_bits) in [(4, 4), (8, 4), (16, 4), (128, 4), (128, 8)] {
        let problem = Problem { fragment, adc_bits, ..Problem::STANDARD };
        let die = problem.program()?;
        for kind in Kind::ALL {
            let (pair, plan, _) = Case::new(problem, kind, Budget::default()).measure_die(&die, scope)?;
            let name = format!("{fragment}, {adc_bits}-bit ADC, {} ({})", kind.name(), of_plan(plan));
            lines.add(&name, pair);
        }
    }
    let without = Budget::default().with_bytes(0);
    let (pair, plan, _) = Case::new(Problem::STANDARD, Kind::Dense, without).measure(scope)?;
    lines.add(&format!("8, no budget for tables, dense ({})", of_plan(plan)), pair);
    Ok(lines.0)
}

fn bits(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Bits of an input", "bits", "`gemm`");
    for input_bits in [8, 16] {
        let problem = Problem { input_bits, ..Problem::STANDARD };
        let die = problem.program()?;
        for kind in Kind::ALL {
            let (pair, _, result) = Case::new(problem, kind, Budget::default()).measure_die(&die, scope)?;
            lines.add(&format!("{input_bits}, {}, results `{result}`", kind.name()), pair);
        }
    }
    Ok(lines.0)
}

fn batch(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Vectors of a batch", "vectors", "baseline");
    let problem = Problem::STANDARD;
    let die = problem.program()?;
    for vectors in [1, 16, 256, 1024] {
        let case = Case::new(problem, Kind::Dense, Budget::default().with_batch(vectors));
        let (pair, ..) = case.measure_die(&die, scope)?;
        lines.add(&format!("{vectors}, against `gemm` of as many"), pair);
    }
    let x = problem.inputs(Kind::Dense, BATCH);
    let prepared = die.prepare(Budget::default())?;
    let mut buffers = Buffers::new(&die, &x)?;
    let mut whole = buffers.subject(&prepared, ActivityLevel::Counts)?;
    let (singles, mut y) = (bytes(&x)?, vec![0i32; problem.size]);
    let mut scratch = prepared.scratch(ActivityLevel::Counts);
    let mut vectors = singles.chunks_exact(problem.size).cycle();
    let mut single = Subject::new(1, || {
        if let Some(x) = vectors.next() {
            _ = prepared.mvm_into_keyed(black_box(x), Key::from(1), black_box(&mut y), &mut scratch);
        }
    });
    let pair = interleave(&mut single, &mut whole, scope.patience);
    lines.add("1 by `mvm_into`, against a vector of a batch of 256", pair);
    Ok(lines.0)
}

fn sizes(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Sizes", "size, vectors", "`gemm`");
    for size in [128, 256, 512, 1024, 2048, 4096].into_iter().filter(|&size| size <= scope.largest) {
        let problem = Problem { size, ..Problem::STANDARD };
        let die = problem.program()?;
        let mut measure = |budget: Budget| -> Result<()> {
            let (pair, plan, _) = Case::new(problem, Kind::Dense, budget).measure_die(&die, scope)?;
            lines.add(&format!("{size} × {size}, {} ({})", budget.batch(), of_plan(plan)), pair);
            Ok(())
        };
        measure(Budget::default())?;
        if size > 256 {
            measure(Budget::default().with_batch(1024))?;
        }
        if size == 4096 {
            measure(Budget::default().with_bytes(2 << 30))?;
        }
    }
    Ok(lines.0)
}

fn activity(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("What is counted", "activity", "`gemm`");
    let die = Problem::STANDARD.program()?;
    for activity in [ActivityLevel::Off, ActivityLevel::Counts, ActivityLevel::CountsAndEnergy] {
        for kind in Kind::ALL {
            let case = Case { activity, ..Case::new(Problem::STANDARD, kind, Budget::default()) };
            let (pair, ..) = case.measure_die(&die, scope)?;
            lines.add(&format!("`{activity:?}`, {}", kind.name()), pair);
        }
    }
    Ok(lines.0)
}

#[cfg(feature = "rayon")]
fn threads(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Two threads beside one", "size, vectors", "one thread");
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let (one, two) = (pool(1)?, pool(2)?);
    for (size, vectors) in [(128, 256), (128, 1024), (512, 256)] {
        if size > scope.largest {
            continue;
        }
        let problem = Problem { size, ..Problem::STANDARD };
        let die = problem.program()?;
        let prepared = die.prepare(Budget::default().with_batch(vectors))?;
        let x = bytes(&problem.inputs(Kind::Dense, vectors))?;
        let read = |pool: &rayon::ThreadPool, y: &mut [i32]| {
            pool.install(|| {
                prepared.mvm_batch_into_keyed(black_box(&x), |_| Key::from(1), y, ActivityLevel::Counts)
            })
        };
        let (mut y, mut expected) = (vec![0; x.len()], vec![0; x.len()]);
        if read(&two, &mut y)? != read(&one, &mut expected)? || y != expected {
            return Err("two threads return something else than one".into());
        }
        let mut of_two = Subject::new(vectors, || _ = black_box(read(&two, &mut y)));
        let mut of_one = Subject::new(vectors, || _ = black_box(read(&one, &mut expected)));
        lines.add(
            &format!("{size} × {size}, {vectors}"),
            interleave(&mut of_two, &mut of_one, scope.patience),
        );
    }
    Ok(lines.0)
}

#[cfg(not(feature = "rayon"))]
fn threads(_: Scope) -> Result<String> {
    Ok("## Two threads beside one\n\nNot measured: built without feature `rayon`.\n".into())
}

fn build(scope: Scope) -> Result<String> {
    let mut lines = Lines::new("Building tables", "of 128 × 128", "a vector of a batch of 256");
    for fragment in [4, 8, 16] {
        let problem = Problem { fragment, ..Problem::STANDARD };
        let die = problem.program()?;
        let prepared = die.prepare(Budget::default())?;
        let x = problem.inputs(Kind::Dense, BATCH);
        let mut buffers = Buffers::new(&die, &x)?;
        let mut whole = buffers.subject(&prepared, ActivityLevel::Counts)?;
        let mut build = Subject::new(1, || _ = black_box(die.prepare(black_box(Budget::default()))));
        let pair = interleave(&mut build, &mut whole, scope.patience);
        lines.add(&format!("fragment {fragment} ({})", of_plan(prepared.plan())), pair);
    }
    Ok(lines.0)
}
