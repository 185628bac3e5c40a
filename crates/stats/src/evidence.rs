//! The evidence against "the second rate is at most the first plus a shift": one number from four counts, an e-value. It
//! must never depend on when or how often it is asked for, only on the totals. Start at [`Claim::evidence`].
//!
//! # Why it is right
//!
//! The claim is a set of pairs of rates: `q <= p + shift`. Take one first rate `p`. A bettor who believes that the first
//! group fails at some `p' <= p` and the second at some `q' >= p + shift` gains on every request the likelihood of what
//! happened under his belief over that under `(p, p + shift)`. Where the first group's true rate is `p` and the claim holds,
//! no such bet has a positive expectation, whatever was seen before, whichever group the request went to: the bettor's
//! capital is a supermartingale. So is the average over many bettors, [`Bets`]. The evidence is the *lowest* such average
//! over all `p`, so it is at most the one that belongs to the truth, and by Ville's inequality the chance that it ever
//! reaches `x`, over all looks together, is at most `1 / x`. Nothing here is an approximation for large counts.
//!
//! A likelihood of independent requests needs only how many there were and how many failed. So the size of a batch, the order
//! within it and the looks themselves cannot matter, and a look that was missed loses nothing.

/// How many requests of a group there were and how many of them failed. Fractions are expectations, which
/// [`crate::comparison`] needs to foretell how long a comparison will take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    pub(crate) requests: f64,
    pub(crate) errors: f64,
}

impl Group {
    /// ln of the likelihood at `rate`, up to a term that cancels in every ratio.
    fn log_likelihood(self, rate: f64) -> f64 {
        times_ln(self.errors, rate) + times_ln(self.requests - self.errors, 1.0 - rate)
    }

    /// The share that failed, and 0 where there was nothing.
    fn rate(self) -> f64 {
        if self.requests > 0.0 { self.errors / self.requests } else { 0.0 }
    }

    /// What the bettor who believes in `belief` gains, in ln, when the truth that he bets against is `rate`.
    fn log_gain(self, belief: f64, rate: f64) -> f64 {
        let mut gain = 0.0;
        if self.errors > 0.0 {
            gain += self.errors * (belief / rate).ln();
        }
        let good = self.requests - self.errors;
        if good > 0.0 {
            gain += good * ((rate - belief) / (1.0 - rate)).ln_1p();
        }
        gain
    }
}

/// `n ln(x)`, where nothing of nothing is nothing.
fn times_ln(n: f64, x: f64) -> f64 {
    if n > 0.0 { n * x.ln() } else { 0.0 }
}

/// The differences that are bet on, as shares: from a hundredth of a point to nearly all, in the steps of the preferred
/// numbers R5, so that the next one is never further away than a quarter of the true one, which costs a twentieth of the growth.
const DIFFERENCES: [f64; 20] = [
    0.000_16, 0.000_25, 0.000_4, 0.000_63, 0.001, 0.001_6, 0.002_5, 0.004, 0.006_3, 0.01, 0.016, 0.025, 0.04,
    0.063, 0.1, 0.16, 0.25, 0.4, 0.63, 0.95,
];

/// How a difference is split between the groups: the share that the second group has of it, and the weight of the bet.
/// The group with fewer requests is the uncertain one, so the best split follows the traffic's. The bets at both ends make
/// sure that there is always one on either side of the best.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bets([(f64, f64); 5]);

impl Bets {
    /// For a second group that is the smaller one mostly.
    pub(crate) const SECOND_IS_SMALL: Self =
        Self([(1.0, 0.4), (0.8, 0.25), (0.5, 0.2), (0.2, 0.1), (0.0, 0.05)]);
    /// For a first group that is the smaller one mostly.
    pub(crate) const FIRST_IS_SMALL: Self =
        Self([(0.0, 0.4), (0.2, 0.25), (0.5, 0.2), (0.8, 0.1), (1.0, 0.05)]);
}

/// A belief never goes all the way to "never" or "always", so that one surprise does not ruin the bettor.
const NEVER_RUINED: f64 = 1.0 / 16.0;

/// The claim that the second rate is at most the first plus `shift`, which may be negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) shift: f64,
    pub(crate) bets: Bets,
}

impl Claim {
    /// ln of the evidence against the claim: 0 is none, ln 100 is what happens by chance once in a hundred rollouts at
    /// most. Below 0 the counts speak for the claim. Beyond [`OVERWHELMING`] it is not told apart.
    pub(crate) fn evidence(self, first: Group, second: Group) -> f64 {
        let likeliest = self.likeliest(first, second);
        self.lowest(first, second, likeliest).min(OVERWHELMING)
    }

    /// Is ln of the evidence at least `wanted`? The same as asking [`Self::evidence`], but mostly known at once, since no
    /// bettor gains more than the likelihood ratio of the best of all beliefs.
    pub(crate) fn evidence_reaches(self, wanted: f64, first: Group, second: Group) -> bool {
        if wanted > 0.0 && second.rate() <= first.rate() + self.shift {
            return false;
        }
        let guess = self.guess(first, second);
        if self.best_gain_at(guess, first, second) < wanted {
            return false;
        }
        let likeliest = self.likeliest(first, second);
        self.capital(likeliest, first, second) >= wanted && self.lowest(first, second, likeliest) >= wanted
    }

    /// The first and the second rate at `at`, which counts from the lowest first rate that the claim allows.
    fn rates(self, at: f64) -> (f64, f64) {
        (at + (-self.shift).max(0.0), (at + self.shift.max(0.0)).min(1.0))
    }

    /// How far [`Self::rates`] may go.
    fn span(self) -> f64 {
        1.0 - (-self.shift).max(0.0)
    }

    /// ln of the average capital of all bettors against the pair of rates at `at`.
    fn capital(self, at: f64, first: Group, second: Group) -> f64 {
        let (p, q) = self.rates(at);
        let mut sum = LogSum::default();
        for (share, weight) in self.bets.0 {
            for difference in DIFFERENCES {
                let mut gain = (weight / DIFFERENCES.len() as f64).ln();
                if share < 1.0 {
                    let belief = (p - (1.0 - share) * difference).max(p * NEVER_RUINED);
                    gain += first.log_gain(belief, p);
                }
                if share > 0.0 && q < 1.0 {
                    let belief = (q + share * difference).min(1.0 - (1.0 - q) * NEVER_RUINED);
                    gain += second.log_gain(belief, q);
                }
                sum.add(gain);
            }
        }
        sum.total()
    }

    /// No bettor has more than this against the pair of rates at `at`.
    fn best_gain_at(self, at: f64, first: Group, second: Group) -> f64 {
        let (p, q) = self.rates(at);
        first.log_likelihood(first.rate()) + second.log_likelihood(second.rate())
            - first.log_likelihood(p)
            - second.log_likelihood(q)
    }

    /// A pair of rates of the claim that is near the likeliest, without a search.
    fn guess(self, first: Group, second: Group) -> f64 {
        let requests = first.requests + second.requests + 1.0;
        let (low, high) = ((-self.shift).max(0.0), self.shift.max(0.0));
        let errors = first.errors + second.errors - first.requests * low - second.requests * high;
        let margin = (0.5 / requests).min(self.span() / 4.0);
        (errors / requests).clamp(margin, self.span() - margin)
    }

    /// The likeliest pair of rates with the second one exactly `shift` above the first. The likelihood is concave in it, so
    /// its slope has one zero, which is found by halving.
    fn likeliest(self, first: Group, second: Group) -> f64 {
        let slope = |at: f64| {
            let (p, q) = self.rates(at);
            let of = |group: Group, rate: f64| {
                let up = if group.errors > 0.0 { group.errors / rate } else { 0.0 };
                let good = group.requests - group.errors;
                up - if good > 0.0 { good / (1.0 - rate) } else { 0.0 }
            };
            of(first, p) + if q < 1.0 { of(second, q) } else { 0.0 }
        };
        let (mut low, mut high) = (SMALLEST, self.span() - SMALLEST);
        for _ in 0..60 {
            // Halving on a scale of factors, since rates of one in a million are as usual as of one in two.
            let middle = if high > 4.0 * low { (low * high).sqrt() } else { 0.5 * (low + high) };
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }

    /// The lowest capital over all pairs of rates of the claim: looked for on a ladder over all rates and a fine one around
    /// the likeliest, then narrowed down from every low point of it.
    fn lowest(self, first: Group, second: Group, likeliest: f64) -> f64 {
        let span = self.span();
        let mut ladder: Vec<f64> = (0..48)
            .map(|step| {
                let odds = (f64::from(step - 32) * 0.7).exp();
                odds / (1.0 + odds) * span
            })
            .collect();
        let requests = first.requests + second.requests + 1.0;
        let spread = (likeliest * (1.0 - likeliest) / requests).sqrt() + 1.0 / requests;
        ladder.extend((-12..=24).map(|step| likeliest + f64::from(step) * 0.5 * spread));
        // Where the second rate reaches 1 the curve has an edge.
        let edge = 1.0 - self.shift.max(0.0);
        ladder.extend((0..=12).map(|power| edge - 10f64.powi(-power)));
        ladder.retain(|&at| at > SMALLEST && at < span - SMALLEST);
        ladder.extend([SMALLEST, likeliest, span - SMALLEST]);
        ladder.sort_by(f64::total_cmp);
        ladder.dedup();

        let capital = |at| self.capital(at, first, second);
        let heights: Vec<f64> = ladder.iter().map(|&at| capital(at)).collect();
        let mut lowest = f64::INFINITY;
        for (here, &height) in heights.iter().enumerate() {
            lowest = lowest.min(height);
            let (left, right) = (here.saturating_sub(1), (here + 1).min(ladder.len() - 1));
            if height <= heights[left] && height <= heights[right] {
                lowest = lowest.min(narrow(capital, ladder[left], ladder[right]));
            }
        }
        lowest
    }
}

/// ln of a thousand million: no certainty asks for more.
pub(crate) const OVERWHELMING: f64 = 20.723_265_836_946_41;

/// The rates nearest to 0 and to 1 that are looked at: a claim with a rate below one in a million million is not told apart.
const SMALLEST: f64 = 1e-12;

/// The lowest value between two places with one low point between them, by the golden section.
fn narrow(height: impl Fn(f64) -> f64, mut left: f64, mut right: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let mut inner = [right - GOLDEN * (right - left), left + GOLDEN * (right - left)];
    let mut heights = inner.map(&height);
    for _ in 0..24 {
        if heights[0] < heights[1] {
            right = inner[1];
            inner = [right - GOLDEN * (right - left), inner[0]];
            heights = [height(inner[0]), heights[0]];
        } else {
            left = inner[0];
            inner = [inner[1], left + GOLDEN * (right - left)];
            heights = [heights[1], height(inner[1])];
        }
    }
    heights[0].min(heights[1])
}

/// ln of a sum of numbers given by their ln, one after the other.
struct LogSum {
    largest: f64,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, ln: f64) {
        if ln <= self.largest {
            self.sum += (ln - self.largest).exp();
        } else {
            self.sum = self.sum * (self.largest - ln).exp() + 1.0;
            self.largest = ln;
        }
    }

    fn total(&self) -> f64 {
        self.largest + self.sum.ln()
    }
}

#[cfg(test)]
mod tests;
