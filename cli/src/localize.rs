//! `blobwatch localize`: one cross-section of counts in, the cohorts that explain the excess out.

use std::io;
use std::path::{Path, PathBuf};

use blobwatch_detect::localize::{Options, localize};

use crate::problem::Problem;
use crate::{Outcome, input, output};

mod answer;
mod table;

const EXAMPLES: &str = "\
Examples:
  blobwatch localize stalls.csv            one line of JSON: {\"causes\": [{\"cohort\": …}]}
  blobwatch localize - < stalls.csv        the same from standard input
  blobwatch localize incidents/            one line for each *.csv (*.csv.gz, *.csv.zst) of a folder
  blobwatch localize --alpha 0.0001 s.csv  names only very certain causes

Input:
  colo,os,real,predict
  IAD,amzn2,120,14.2
  IAD,el8,9,11.0
`real` is what was observed and `predict` what was expected: counts, or rates that rest on large counts. Rows with
the same values are added up. All other columns are attributes, whatever their names.

Exit codes: 0 no cause, 1 a cause, 2 usage or input error";

/// Name the cohorts that explain an excess of events
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// CSV with the columns <attributes…>,real,predict, or a folder of such files; - reads standard input
    file: PathBuf,

    /// Probability of naming a cohort when there is no cause, between 0 and 1
    #[arg(long, default_value_t = Options::default().alpha, value_parser = alpha)]
    alpha: f64,
}

fn alpha(text: &str) -> Result<f64, String> {
    let inside = |alpha: &f64| *alpha > 0.0 && *alpha < 1.0;
    text.parse()
        .ok()
        .filter(inside)
        .ok_or_else(|| "expected a number between 0 and 1".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let options = Options {
        alpha: arguments.alpha,
        ..Options::default()
    };
    if arguments.file.is_dir() {
        folder(&arguments.file, &options)
    } else {
        localize_file(&arguments.file, None, &options)
    }
}

/// Reads one file and writes its line.
fn localize_file(path: &Path, label: Option<&str>, options: &Options) -> Result<Outcome, Problem> {
    let section = table::read(input::open(path)?, &input::name(path))?;
    let causes = localize(&section, options);
    output::json_line(&answer::line(label, &causes))?;
    Ok(if causes.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

/// Every file of a folder, by name, one line each. One that cannot be read does not keep the others from being answered;
/// its line says why, and the outcome is the first such problem.
fn folder(path: &Path, options: &Options) -> Result<Outcome, Problem> {
    let mut outcome = Ok(Outcome::Nothing);
    for file in csv_files(path)? {
        let label = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match (localize_file(&file, Some(&label), options), &outcome) {
            (Err(Problem::Write(source)), _) => return Err(Problem::Write(source)),
            (Err(problem), _) => {
                output::json_line(&answer::unread(&label, &problem))?;
                match outcome {
                    Ok(_) => outcome = Err(problem),
                    Err(_) => output::complain(&problem.to_string()),
                }
            }
            (Ok(Outcome::Found), Ok(_)) => outcome = Ok(Outcome::Found),
            (Ok(_), _) => {}
        }
    }
    outcome
}

fn csv_files(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    let problem = |source| Problem::Read {
        file: input::name(path),
        source,
    };
    let entries = std::fs::read_dir(path).map_err(problem)?;
    let paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(problem)?;
    let mut files: Vec<PathBuf> = paths
        .into_iter()
        .filter(|file| is_csv(file) && file.is_file())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(problem(io::Error::new(
            io::ErrorKind::NotFound,
            "expected files that end in .csv, .csv.gz or .csv.zst",
        )));
    }
    Ok(files)
}

/// Whether the name is that of a table, packed or not.
fn is_csv(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_ascii_lowercase();
    let is_named = |end: &str| name.strip_suffix(end).is_some_and(|stem| !stem.is_empty());
    [".csv", ".csv.gz", ".csv.zst"].into_iter().any(is_named)
}
