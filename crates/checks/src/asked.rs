//! An answer that may be missing in two ways. It must never take "could not ask" for "there is none".
//! Start with [`Asked`].

/// What was learned by asking for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<T> {
    /// It is there.
    Told(T),
    /// It was asked for, and there is none.
    Absent,
    /// It could not be asked for, and why, with what to do about it.
    CouldNotAsk(String),
}

impl<T> Asked<T> {
    /// The answer, if there is one.
    pub fn told(&self) -> Option<&T> {
        match self {
            Self::Told(answer) => Some(answer),
            Self::Absent | Self::CouldNotAsk(_) => None,
        }
    }

    /// The same with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        match self {
            Self::Told(answer) => Asked::Told(change(answer)),
            Self::Absent => Asked::Absent,
            Self::CouldNotAsk(why) => Asked::CouldNotAsk(why),
        }
    }
}

impl<T> Asked<Option<T>> {
    /// An answer that says that there is none is "absent".
    #[must_use]
    pub fn flatten(self) -> Asked<T> {
        match self {
            Self::Told(Some(answer)) => Asked::Told(answer),
            Self::Told(None) | Self::Absent => Asked::Absent,
            Self::CouldNotAsk(why) => Asked::CouldNotAsk(why),
        }
    }
}
