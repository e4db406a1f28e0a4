//! The Prometheus text format, as far as a test needs it.

use std::collections::BTreeMap;

/// One scrape: each series by its name and labels.
#[derive(Clone, Debug)]
pub struct Metrics {
    series: BTreeMap<(String, BTreeMap<String, String>), f64>,
}

impl Metrics {
    /// Reads a scrape. Fails the test at a line that is none.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self { series: lines.map(series).collect() }
    }

    /// The value of one series. Fails the test if it is not there.
    #[track_caller]
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: BTreeMap<_, _> = labels
            .iter()
            .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
            .collect();
        match self.series.get(&(name.to_owned(), wanted)) {
            Some(value) => *value,
            None => panic!("there is no series {name} with {labels:?}"),
        }
    }

    /// The sum over all labels; 0 if there is no such series.
    pub fn sum(&self, name: &str) -> f64 {
        self.of(name).map(|(_, value)| value).sum()
    }

    /// The labels and values of all series of this name.
    pub fn of(&self, name: &str) -> impl Iterator<Item = (&BTreeMap<String, String>, f64)> {
        let same = move |((series, _), _): &(&(String, _), _)| series == name;
        self.series.iter().filter(same).map(|((_, labels), value)| (labels, *value))
    }

    /// All series, without their values.
    pub fn names(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.series.keys().cloned().collect()
    }
}

fn series(line: &str) -> ((String, BTreeMap<String, String>), f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let (name, labels) = match series.split_once('{') {
        None => (series, BTreeMap::new()),
        Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect("labels end in a }"))),
    };
    ((name.to_owned(), labels), value)
}

/// None of our values has a quote or a comma in it.
fn labels(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        let (label, value) = pair.split_once('=').expect("a label has a value");
        (label.to_owned(), value.trim_matches('"').to_owned())
    };
    text.split(',').map(pair).collect()
}
