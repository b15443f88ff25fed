//! What was measured, and the Markdown that says so.

use std::fmt::Write;
use std::fs;

/// One goal, and what came of it.
pub(crate) struct Row {
    /// What is measured.
    pub(crate) what: String,
    /// What is wanted of it.
    pub(crate) goal: String,
    /// What was measured of ours.
    pub(crate) ours: String,
    /// What was measured of the other.
    pub(crate) theirs: String,
    /// Ours against the goal's measure; empty where there is no ratio.
    pub(crate) ratio: String,
    /// Whether that is what is wanted; none where it was not measured.
    pub(crate) met: Option<bool>,
}

/// How a ratio is judged.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
        }
    }

    fn sign(self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
        }
    }
}

impl Row {
    /// Ours as a ratio to another's; `unit` writes a figure. Without the other's, it says that this was not measured.
    pub(crate) fn ratio(
        what: &str,
        goal: Goal,
        against: &str,
        unit: impl Fn(f64) -> String,
        ours: Option<f64>,
        theirs: Option<f64>,
    ) -> Self {
        let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
        let written = |figure: Option<f64>| figure.map_or_else(|| "not measured".to_owned(), &unit);
        Self {
            what: what.to_owned(),
            goal: format!("{} times {against}", goal.sign()),
            ours: written(ours),
            theirs: written(theirs),
            ratio: ratio
                .map(|ratio| if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") })
                .unwrap_or_default(),
            met: ratio.map(|ratio| goal.is_met(ratio)),
        }
    }

    /// A figure that stands for itself.
    pub(crate) fn figure(what: &str, goal: Goal, unit: &str, figure: Option<f64>) -> Self {
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        Self {
            what: what.to_owned(),
            goal: format!("{}{unit}", goal.sign()),
            ours: figure.map_or_else(|| "not measured".to_owned(), |figure| format!("{}{unit}", short(figure))),
            theirs: String::new(),
            ratio: String::new(),
            met: figure.map(|figure| goal.is_met(figure)),
        }
    }
}

/// A figure with as many digits as can be trusted.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        size if size == 0.0 || size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 0.1 => format!("{figure:.2}"),
        _ => format!("{figure:.4}"),
    }
}

/// The heading with the date and the machine, and the table.
pub(crate) fn markdown(rows: &[Row], missing: &[String]) -> String {
    let mut text = format!("Measured on {} on {}.\n", jiff::Zoned::now().date(), machine());
    if !missing.is_empty() {
        let _ = writeln!(text, "Missing here, and so not measured: {}.", missing.join(", "));
    }
    text.push_str("\n| what | goal | sockbench | the other | ratio | met |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "-",
        };
        let _ =
            writeln!(text, "| {} | {} | {} | {} | {} | {met} |", row.what, row.goal, row.ours, row.theirs, row.ratio);
    }
    text
}

/// The processor, how many of them, and the kernel.
fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<_> = cpus.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": ")).collect();
    let model = models.first().map_or("an unknown processor", |(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // Behind the version may stand who built it.
    let kernel = kernel.trim().split('-').next().unwrap_or_default().to_owned();
    format!("{model}, {} cores, Linux {kernel}, all over loopback", models.len().max(1))
}
