//! Scripts by chance: whatever they decide by, their plan ends soon, and never in a panic.

use crate::stage::Stage;
use pb_runtime::Limits;
use std::time::{Duration, Instant};

/// How many scripts are made; `SCRIPTS=100000` makes more.
fn scripts() -> u64 {
    std::env::var("SCRIPTS").map_or(500, |n| n.parse().unwrap())
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        // xorshift64, of George Marsaglia.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// Rhai takes no literal that is known to be no condition.
    fn condition(&mut self, depth: usize) -> String {
        let value = self.value(depth);
        match value.starts_with(['r', 'x']) {
            true => value,
            false => format!("same({value})"),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        let n = if depth == 0 { 11 } else { 20 };
        match self.below(n) {
            0 => "r.code".into(),
            1 => "r.ok".into(),
            2 => "r.lines".into(),
            3 => "r.lines[0]".into(),
            4 => "x".into(),
            5 => "1".into(),
            6 => "\"a\"".into(),
            7 => "true".into(),
            8 => "()".into(),
            9 => "r".into(),
            10 => "[r.code, 2]".into(),
            11 => format!("({} == {})", self.value(depth - 1), self.value(depth - 1)),
            12 => format!(
                "({} && {})",
                self.condition(depth - 1),
                self.condition(depth - 1)
            ),
            13 => format!(
                "({} || !{})",
                self.condition(depth - 1),
                self.condition(depth - 1)
            ),
            14 => format!("({} + {})", self.value(depth - 1), self.value(depth - 1)),
            15 => format!("`t ${{{}}} u`", self.value(depth - 1)),
            16 => format!("#{{ k: {} }}", self.value(depth - 1)),
            17 => format!(
                "[1, 2, {}].filter(|n| n == {})",
                self.value(depth - 1),
                self.value(depth - 1)
            ),
            18 => format!("({} in {})", self.value(depth - 1), self.value(depth - 1)),
            _ => format!(
                "if {} {{ {} }} else {{ {} }}",
                self.condition(depth - 1),
                self.value(depth - 1),
                self.value(depth - 1)
            ),
        }
    }

    fn block(&mut self, depth: usize) -> String {
        let n = 1 + self.below(3);
        (0..n).map(|_| self.statement(depth)).collect()
    }

    fn statement(&mut self, depth: usize) -> String {
        let n = if depth == 0 { 6 } else { 17 };
        let value = self.condition(2);
        match self.below(n) {
            0 => format!("put(`p${{{value}}}`);\n"),
            1 => "put(\"a\");\n".into(),
            2 => format!("x = {value};\n"),
            3 => "r = ask(\"q\");\n".into(),
            4 => format!("ensure({value}, \"told\");\n"),
            5 => format!("print({value});\n"),
            6 => format!("if {value} {{ {} }}\n", self.block(depth - 1)),
            7 => format!(
                "if {value} {{ {} }} else if {} {{ {} }} else {{ {} }}\n",
                self.block(depth - 1),
                self.condition(1),
                self.block(depth - 1),
                self.block(depth - 1)
            ),
            8 => format!("while {value} {{ {} }}\n", self.block(depth - 1)),
            9 => format!("do {{ {} }} until {value};\n", self.block(depth - 1)),
            10 => format!("for i in {value} {{ {} }}\n", self.block(depth - 1)),
            11 => format!(
                "loop {{ {} if {value} {{ break; }} }}\n",
                self.block(depth - 1)
            ),
            12 => format!(
                "switch {value} {{ 1 | 2 if {} => {{ {} }}, \"a\" => {{ {} }}, 3..5 => put(\"r\"), _ => {{ {} }} }}\n",
                self.condition(1),
                self.block(depth - 1),
                self.block(depth - 1),
                self.block(depth - 1)
            ),
            13 => format!(
                "try {{ {} throw {value}; }} catch (err) {{ {} }}\n",
                self.block(depth - 1),
                self.block(depth - 1)
            ),
            14 => format!(
                "savepoint(\"s\", || {{ let x = 0; let r = ask(\"q\"); {} }});\n",
                self.block(depth - 1)
            ),
            15 => format!(
                "each({value}, |n| {{ let x = n; let r = ask(\"e\"); {} }});\n",
                self.block(depth - 1)
            ),
            _ => format!("if {value} {{ throw {}; }}\n", self.condition(1)),
        }
    }
}

/// A test's own thread has less stack than that of a program, on which scripts are read.
#[test]
fn the_plan_of_any_script_ends() {
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    thread.spawn(plans).unwrap().join().unwrap();
}

fn plans() {
    let (mut forks, mut longest) = (0, Duration::ZERO);
    // Some go round for ever by themselves, whatever is unknown.
    let limits = Limits {
        operations: 1_000,
        ..Limits::default()
    };
    for seed in 1..=scripts() {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let script = format!(
            "fn same(v) {{ v }}\nlet x = 1; let r = ask(\"q\");\n{}",
            chance.block(3)
        );
        let began = Instant::now();
        let plan = Stage::new().limits(limits).plan(&script);
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(10),
            "two plans took {took:?}\n{script}"
        );
        longest = longest.max(took);
        // Whatever an error says, it stands in the plan.
        let plan = plan.unwrap_or_else(|failure| panic!("{}\n{script}", failure.message));
        let told = serde_json::to_string(&plan.nodes).unwrap();
        assert!(!told.contains("pb__"), "{script}\n{told}");
        forks += usize::from(told.contains("\"fork\""));
    }
    assert!(
        forks as u64 * 4 > scripts(),
        "{forks} of {} plans with forks, {longest:?} at most",
        scripts()
    );
}
