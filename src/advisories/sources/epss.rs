//! FIRST's scores of how likely flaws are to be exploited: a table of CVE, score and percentile.
//!
//! Source: <https://www.first.org/epss/data_stats>

use std::io::BufRead;

use jiff::Timestamp;

use super::super::about::Fault;
use super::super::advisory::Likelihood;
use super::lines::Lines;
use super::term::{check, summary};

/// The scores of a day.
#[derive(Debug)]
pub(in crate::advisories) struct Epss {
    pub(in crate::advisories) scored: Option<Timestamp>,
    pub(in crate::advisories) flaws: Vec<(String, Likelihood)>,
    pub(in crate::advisories) faults: Vec<Fault>,
}

/// Reads scores; lines that can't be read are faults.
pub(in crate::advisories) fn read_epss(file: &str, from: &mut dyn BufRead) -> Epss {
    let mut lines = Lines::new(from);
    let mut epss = Epss { scored: None, flaws: Vec::new(), faults: Vec::new() };
    loop {
        let place = lines.place();
        let fault = |record: Option<&str>, reason: String| Fault {
            file: file.to_owned(),
            record: record.map(summary),
            place: Some(place),
            reason: summary(&reason),
        };
        match lines.next_line() {
            Ok(None) => return epss,
            Err(error) => {
                epss.faults.push(fault(None, error.to_string()));
                return epss;
            }
            Ok(Some(line)) if line.starts_with('#') => epss.scored = scored(&line),
            Ok(Some(line)) if line.is_empty() || line == "cve,epss,percentile" => {}
            Ok(Some(line)) => match scores(&line) {
                Ok(flaw) => epss.flaws.push(flaw),
                Err(reason) => epss.faults.push(fault(line.split(',').next(), reason.to_owned())),
            },
        }
    }
}

/// The day in the first line: `#model_version:v2025.03.14,score_date:2026-11-27T12:55:00Z`; of old with `+0000`.
fn scored(line: &str) -> Option<Timestamp> {
    let (_, time) = line.split_once("score_date:")?;
    let time = time.split(',').next()?.trim();
    time.replace("+0000", "Z").parse().ok()
}

fn scores(line: &str) -> Result<(String, Likelihood), &'static str> {
    let mut fields = line.split(',');
    let (Some(cve), Some(score), Some(percentile), None) = (fields.next(), fields.next(), fields.next(), fields.next()) else {
        return Err("a line is to have a CVE, a score and a percentile");
    };
    check(cve)?;
    let billionths = |text: &str| match text.parse::<f64>() {
        // Rounded, and small enough for what it becomes.
        Ok(share) if (0.0..=1.0).contains(&share) => Ok((share * 1e9).round() as u32),
        _ => Err("a score and a percentile are to be from 0 to 1"),
    };
    Ok((cve.to_owned(), Likelihood { score_billionths: billionths(score)?, percentile_billionths: billionths(percentile)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_and_damaged_lines_told() {
        let table = "#model_version:v2025.03.14,score_date:2026-11-27T12:55:00Z\ncve,epss,percentile\nCVE-2021-44228,0.94358,0.99957\n\
            CVE-2024-6387,2,0.5\nCVE-2024-6388,0.1\n";
        let epss = read_epss("epss.csv", &mut table.as_bytes());
        assert_eq!(epss.scored.unwrap().to_string(), "2026-11-27T12:55:00Z");
        assert_eq!(epss.flaws.len(), 1);
        assert_eq!((epss.flaws[0].1.score(), epss.flaws[0].1.percentile()), (0.94358, 0.99957));
        let faults: Vec<String> = epss.faults.iter().map(Fault::to_string).collect();
        assert_eq!(
            faults,
            [
                "epss.csv: CVE-2024-6387:4:1: a score and a percentile are to be from 0 to 1",
                "epss.csv: CVE-2024-6388:5:1: a line is to have a CVE, a score and a percentile"
            ]
        );
    }
}
