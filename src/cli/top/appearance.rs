//! How the screen looks: its colours, if it has some, and the zone of its times.

use crate::http::admin::summary::Health;
use jiff::tz::TimeZone;
use ratatui::style::{Color, Modifier, Style};

/// How it is drawn.
#[derive(Clone, Debug)]
pub struct Appearance {
    /// Whether there are colours.
    pub colours: bool,
    /// The zone of the times.
    pub zone: TimeZone,
}

impl Appearance {
    /// A colour, where there are some.
    pub fn of(&self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// What may be overlooked.
    pub fn quiet(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The colour of a sentence.
    pub fn of_health(&self, health: Health) -> Style {
        let colour = match health {
            Health::Ok => Color::Green,
            Health::Waiting => Color::Yellow,
            Health::Trouble => Color::Red,
        };
        self.of(colour).add_modifier(Modifier::BOLD)
    }
}
