//! A mistake in the config file, with its place. Start with [`ConfigError`].

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};
use tidegate_report::Style;

/// What is wrong, where, and what to write instead. Boxed, since it carries the file's text.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct ConfigError(Box<Mistake>);

#[derive(Debug, Clone, thiserror::Error, Diagnostic)]
#[error("{what}")]
struct Mistake {
    what: String,
    #[help]
    help: Option<String>,
    #[source_code]
    source_code: Option<NamedSource<String>>,
    #[label("here")]
    place: Option<SourceSpan>,
}

impl ConfigError {
    /// A mistake at a place of a file.
    pub fn at(source: &Source, place: Place, what: impl Into<String>) -> Self {
        let file = NamedSource::new(source.name.clone(), source.text.clone()).with_language("YAML");
        Self(Box::new(Mistake {
            what: what.into(),
            help: None,
            source_code: Some(file),
            place: Some(SourceSpan::new(place.start.into(), place.len)),
        }))
    }

    /// A mistake that has no place, such as a file that cannot be read.
    pub fn without_place(what: impl Into<String>) -> Self {
        Self(Box::new(Mistake { what: what.into(), help: None, source_code: None, place: None }))
    }

    /// With what to write instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// The report with the line of the file, ready to print through `{:?}`.
    pub fn report(&self, style: Style) -> impl std::fmt::Debug {
        Rendered(self.rendered(style))
    }

    /// The report as text.
    pub fn rendered(&self, style: Style) -> String {
        let theme = match style {
            Style::Plain => GraphicalTheme::unicode_nocolor(),
            Style::Coloured => GraphicalTheme::unicode(),
        };
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_width(100);
        match handler.render_report(&mut text, self.0.as_ref()) {
            Ok(()) => text,
            Err(_) => self.to_string(),
        }
    }
}

struct Rendered(String);

impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

/// A file with its text.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name as the user wrote it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A stretch of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The first byte.
    pub start: usize,
    /// How many.
    pub len: usize,
}
