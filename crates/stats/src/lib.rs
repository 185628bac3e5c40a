//! The sequential tests of the gates: is the candidate worse than stable, looked at as often as one likes. It must never
//! do I/O, read a clock or draw a random number: counts come in, a judgement with its evidence goes out.
