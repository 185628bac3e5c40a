//! Gates: what must hold for a step to pass. A gate never guesses: "it is broken", "there is too little
//! to tell" and "nobody could be asked" are three answers. What is asked, and of whom, is the shell's;
//! what the answers mean is decided here. Start with [`Watch`].

mod comparison;
mod meaning;
mod watch;

pub use watch::Watch;

use crate::Millis;
use serde::{Deserialize, Serialize};

/// Something that must hold for a step to pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// How it is called in verdicts; unique in a rollout.
    pub name: String,
    /// What is looked at.
    pub check: Check,
    /// At which steps it is looked at.
    pub at: At,
}

/// At which steps a gate is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// At each change of weights.
    EveryStep,
    /// At the changes of weights to these shares; 0 % is the test traffic before the first.
    Steps(Vec<crate::Percent>),
}

/// What a gate looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A CloudWatch alarm that must not be in ALARM.
    Alarm {
        /// Its name.
        alarm: String,
    },
    /// A CloudWatch metric that must stay on its side of a threshold.
    Metric(MetricCheck),
    /// An HTTP address that must answer.
    Http(HttpProbe),
    /// A command that must exit with 0.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take, in milliseconds.
        timeout: Millis,
    },
    /// Somebody who must agree.
    Approval {
        /// What they are asked.
        question: String,
    },
    /// The candidate's error rate against stable's.
    Errors(Comparison),
    /// The candidate's share of slow requests against stable's.
    Latency(LatencyComparison),
}

/// The first gate that is asked for at a share that no step of the strategy has, with that share: it
/// would never be asked.
pub fn misplaced<'g>(gates: &'g [Gate], strategy: &crate::Strategy) -> Option<(&'g Gate, crate::Percent)> {
    let shifts = strategy.traffic().map(crate::strategy::Traffic::shifts).unwrap_or_default();
    let is_step = |weight: &crate::Percent| {
        *weight == crate::Percent::NONE || shifts.iter().any(|shift| shift.weight == *weight)
    };
    gates.iter().find_map(|gate| match &gate.at {
        At::EveryStep => None,
        At::Steps(weights) => weights.iter().find(|weight| !is_step(weight)).map(|weight| (gate, *weight)),
    })
}

impl Gate {
    /// Can it hold a rolling deployment, which has no steps? Only what ECS watches itself for all of it can.
    pub fn watches_a_rolling_deployment(&self) -> bool {
        matches!(self.check, Check::Alarm { .. }) && self.at == At::EveryStep
    }
}

impl Check {
    /// Is it AWS that is asked? Then anybody may ask it again without disturbing whoever asks it as well.
    pub fn is_asked_of_aws(&self) -> bool {
        matches!(self, Self::Alarm { .. } | Self::Metric(_) | Self::Errors(_) | Self::Latency(_))
    }

    /// Is one good answer enough for the whole step?
    pub fn is_answered_once(&self) -> bool {
        matches!(self, Self::Command { .. } | Self::Approval { .. })
    }

    /// What it does when there is too little to tell at the end of a step's bake.
    pub fn no_evidence(&self) -> NoEvidence {
        match self {
            Self::Metric(metric) => metric.no_data,
            Self::Errors(comparison) => comparison.too_little,
            Self::Latency(comparison) => comparison.too_little,
            Self::Alarm { .. } | Self::Http(_) | Self::Command { .. } | Self::Approval { .. } => {
                NoEvidence::Wait
            }
        }
    }
}

/// A metric with a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricCheck {
    /// Such as `AWS/ApplicationELB`.
    pub namespace: String,
    /// Such as `HTTPCode_Target_5XX_Count`.
    pub metric: String,
    /// By name.
    pub dimensions: Vec<(String, String)>,
    /// Such as `Sum`, `Average` or `p99`.
    pub statistic: String,
    /// In milliseconds; a multiple of a minute, or 10 or 30 seconds.
    pub period: Millis,
    /// How the value must stand to the threshold for the gate to hold.
    pub must_be: MustBe,
    /// The threshold.
    pub threshold: f64,
    /// What no data means.
    pub no_data: NoEvidence,
}

/// How a value must stand to a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MustBe {
    /// Less.
    Below,
    /// Less or equal.
    AtMost,
    /// More.
    Above,
    /// More or equal.
    AtLeast,
}

/// An HTTP address that must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProbe {
    /// Where.
    pub url: String,
    /// Statuses that hold, first and last of each range.
    pub expects: Vec<(u16, u16)>,
    /// How long an answer may take, in milliseconds.
    pub timeout: Millis,
    /// Failures in a row that break the gate.
    pub failures: u32,
}

/// The candidate's error rate against stable's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How much worse the candidate may be, in percentage points.
    pub tolerance_points: f64,
    /// How sure one must be to throw it back, in percent.
    pub certainty: f64,
    /// What too little traffic means.
    pub too_little: NoEvidence,
}

/// The candidate's latency against stable's: the share of requests slower than stable's percentile,
/// stretched by the tolerance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyComparison {
    /// The percentile of stable, such as 95.
    pub percentile: f64,
    /// How much slower the candidate may be, in percent.
    pub tolerance_percent: f64,
    /// How sure one must be to throw it back, in percent.
    pub certainty: f64,
    /// What too little traffic means.
    pub too_little: NoEvidence,
}

/// What a gate does when there is not enough evidence at the end of a step's bake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoEvidence {
    /// Goes on waiting, until the gates' time-out.
    Wait,
    /// Passes, and says so.
    Pass,
    /// Breaks.
    Fail,
}

/// Requests of one group since the step began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Requests answered.
    pub requests: u64,
    /// Those that count against it: a 5xx, or one that was slow.
    pub bad: u64,
}

/// What the shell found when it asked about a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The alarm's state.
    Alarm(AlarmReading),
    /// The newest value of the metric; `None` for no data.
    Metric(Option<f64>),
    /// The status that the address answered, or why it did not.
    Http(Result<u16, String>),
    /// How the command ended, and the last line that it wrote.
    Command {
        /// `None` if it was ended by a signal or took too long.
        exit_code: Option<i32>,
        /// The last line of its output.
        last_line: String,
    },
    /// What somebody said.
    Approval(Approval),
    /// Requests and bad ones of both groups since the step began, cumulative.
    Requests {
        /// Stable's.
        stable: Counts,
        /// The candidate's.
        candidate: Counts,
        /// For latency: from how many seconds on a request was slow, fixed for the step.
        slow_from: Option<f64>,
    },
    /// Nobody could be asked, and why.
    CouldNotAsk(String),
}

/// The state of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmReading {
    /// OK.
    Ok,
    /// ALARM, and AWS's reason.
    Alarm(String),
    /// `INSUFFICIENT_DATA`.
    InsufficientData,
    /// There is no alarm of that name.
    Missing,
}

/// What somebody said to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Nothing yet.
    Pending,
    /// Yes.
    Granted {
        /// Who.
        by: String,
    },
    /// No.
    Refused {
        /// Who.
        by: String,
    },
}

/// How a gate stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// It holds.
    Holds {
        /// The numbers, in words.
        evidence: String,
    },
    /// It does not: the candidate is to be thrown back.
    Broken {
        /// The numbers, in words.
        evidence: String,
    },
    /// There is too little to tell.
    TooLittle {
        /// The numbers, in words.
        evidence: String,
    },
    /// Nobody could be asked.
    CouldNotAsk {
        /// Why.
        reason: String,
    },
    /// Somebody has to say something.
    WaitsForApproval {
        /// What they are asked.
        question: String,
    },
}

impl Standing {
    /// Its numbers, in words.
    pub fn evidence(&self) -> &str {
        match self {
            Self::Holds { evidence } | Self::Broken { evidence } | Self::TooLittle { evidence } => evidence,
            Self::CouldNotAsk { reason } => reason,
            Self::WaitsForApproval { question } => question,
        }
    }
}

/// What the gates of a step say together.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// Each holds, and there is nothing more to wait for.
    Pass,
    /// Nothing is broken, and something is still to come: the bake, traffic, an approval, an answer.
    Wait,
    /// One is broken; this is why.
    Break {
        /// Its name.
        gate: String,
        /// Its numbers, in words.
        evidence: String,
    },
}
