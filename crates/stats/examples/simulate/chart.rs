//! A chart with two logarithmic axes as SVG, for light and dark pages. It must never need anything but text. Start with
//! [`Chart::svg`].

use std::fmt::Write as _;

/// A chart.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) across: Axis<'a>,
    pub(crate) up: Axis<'a>,
    pub(crate) lines: Vec<Line<'a>>,
}

/// A logarithmic axis.
pub(crate) struct Axis<'a> {
    pub(crate) title: &'a str,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) ticks: &'a [(f64, &'a str)],
}

/// A line, and the upper edge of the band above it where it has one.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) class: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) upper: Vec<(f64, f64)>,
}

impl Line<'_> {
    pub(crate) fn colour(number: usize) -> Self {
        Self { name: "", class: format!("c{number}"), points: Vec::new(), upper: Vec::new() }
    }

    pub(crate) fn dashed() -> Self {
        Self { class: "dashed".to_owned(), ..Self::colour(0) }
    }
}

impl Axis<'_> {
    /// Where a value lies, 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value / self.from).ln() / (self.to / self.from).ln()
    }
}

const STYLE: &str = "text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#57606a}\
.title{font-size:17px;font-weight:600;fill:#1f2328}.page{fill:#fff}.grid{stroke:#d8dee4;stroke-width:1}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round;stroke-linecap:round}.band{stroke:none;opacity:.16}\
.c0{stroke:#0969da;fill:#0969da}.c1{stroke:#bc4c00;fill:#bc4c00}.c2{stroke:#8250df;fill:#8250df}\
.dashed{stroke:#57606a;fill:#57606a}.line.dashed{stroke-dasharray:6 5;stroke-width:1.5}\
.line{fill:none}.name{stroke:none;font-weight:600}.band{stroke:none}\
@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}.page{fill:#0d1117}.grid{stroke:#30363d}\
.c0{stroke:#58a6ff;fill:#58a6ff}.c1{stroke:#f0883e;fill:#f0883e}.c2{stroke:#bc8cff;fill:#bc8cff}\
.dashed{stroke:#9198a1;fill:#9198a1}.line{fill:none}.name,.band{stroke:none}}";

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
/// The field's edges: left, top, right, bottom. To its right the lines have their names.
const FIELD: [f64; 4] = [92.0, 84.0, 600.0, 416.0];

impl Chart<'_> {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let [left, top, right, bottom] = FIELD;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\"><style>{STYLE}</style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n",
            self.title
        );
        let mut text = |class: &str, x: f64, y: f64, anchor: &str, words: &str| {
            let _ = writeln!(
                svg,
                "<text class=\"{class}\" x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{words}</text>"
            );
        };
        text("title", 24.0, 34.0, "start", self.title);
        text("", 24.0, 56.0, "start", self.subtitle);
        text("", f64::midpoint(left, right), bottom + 44.0, "middle", self.across.title);
        for (value, words) in self.across.ticks {
            text("", self.x(*value), bottom + 21.0, "middle", words);
        }
        for (value, words) in self.up.ticks {
            text("", left - 10.0, self.y(*value) + 4.5, "end", words);
        }
        let mut names: Vec<(f64, &Line<'_>)> = self
            .lines
            .iter()
            .filter_map(|line| {
                let end = line.points.iter().max_by(|one, other| one.0.total_cmp(&other.0))?;
                Some((self.y(end.1), line))
            })
            .collect();
        names.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut free = top;
        for (y, line) in names {
            let y = y.max(free);
            text(&format!("name {}", line.class), right + 12.0, y + 4.5, "start", line.name);
            free = y + 19.0;
        }
        let middle = f64::midpoint(top, bottom);
        let _ = writeln!(
            svg,
            "<text transform=\"translate(24 {middle:.0}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.up.title
        );
        for (value, _) in self.across.ticks {
            let x = self.x(*value);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {top}V{bottom}\"/>");
        }
        for (value, _) in self.up.ticks {
            let y = self.y(*value);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>");
        }
        for line in &self.lines {
            if !line.upper.is_empty() {
                let back: Vec<(f64, f64)> = line.points.iter().rev().copied().collect();
                let around = [line.upper.as_slice(), &back].concat();
                let _ = writeln!(svg, "<path class=\"band {}\" d=\"{}Z\"/>", line.class, self.path(&around));
            }
        }
        for line in &self.lines {
            let _ = writeln!(svg, "<path class=\"line {}\" d=\"{}\"/>", line.class, self.path(&line.points));
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn x(&self, value: f64) -> f64 {
        FIELD[0] + self.across.place(value) * (FIELD[2] - FIELD[0])
    }

    fn y(&self, value: f64) -> f64 {
        FIELD[3] - self.up.place(value) * (FIELD[3] - FIELD[1])
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (place, (across, up)) in points.iter().enumerate() {
            let command = if place == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(*across), self.y(*up));
        }
        path
    }
}
