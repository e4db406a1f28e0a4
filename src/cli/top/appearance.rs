//! The appearance of the screen: colours, if there are some, and the zone of its times.

use crate::http::admin::summary::Health;
use jiff::tz::TimeZone;
use ratatui::style::{Color, Modifier, Style};

/// The appearance of the screen.
#[derive(Clone, Debug)]
pub struct Appearance {
    /// True if there are colours.
    pub colours: bool,
    /// The zone of the times.
    pub zone: TimeZone,
}

impl Appearance {
    /// The style of a colour, or a plain one without colours.
    pub fn of(&self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// The style of less important parts.
    pub fn quiet(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The style of the sentence about the state.
    pub fn of_health(&self, health: Health) -> Style {
        let colour = match health {
            Health::Ok => Color::Green,
            Health::Waiting => Color::Yellow,
            Health::Trouble => Color::Red,
        };
        self.of(colour).add_modifier(Modifier::BOLD)
    }
}
