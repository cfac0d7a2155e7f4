use blobwatch_detect::incident::Anomaly;

use super::affected::Sets;
use super::{Arguments, FoundAnomalies, is_one, join, search};

fn arguments() -> Arguments {
    Arguments {
        file: "-".into(),
        slot: None,
        false_alarm_days: 30.0,
    }
}

fn of(text: &str) -> Result<FoundAnomalies, String> {
    search(text.as_bytes(), "counts.csv", &arguments()).map_err(|problem| problem.to_string())
}

#[test]
fn an_input_error_says_where_and_what_was_expected() {
    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(of(text).err().unwrap_or_default(), expected);
    }
    case(
        "",
        "counts.csv:1: expected the columns time,<at most 8 attributes>,trials,events",
    );
    case(
        "time,colo,trials\n",
        "counts.csv:1: expected the columns time,<at most 8 attributes>,trials,events",
    );
    case(
        "time,a,a,trials,events\n",
        "counts.csv:1: expected the columns time,<at most 8 attributes>,trials,events",
    );
    case(
        "time,trials,events\n1,2,3\n",
        "counts.csv:2: expected at most as many events as trials (2), found 3",
    );
    case(
        "time,trials,events\n1,2\n",
        "counts.csv:2: expected 3 columns as in the header, found 2",
    );
    case(
        "time,trials,events\n1,1,1\n1,x,1\n",
        "counts.csv:3: expected trials as a whole number, found \"x\"",
    );
    case(
        "time,trials,events\n1,2,-1\n",
        "counts.csv:2: expected events as a whole number, found \"-1\"",
    );
    case(
        "time,trials,events\nnoon,2,1\n",
        "counts.csv:2: expected a time (RFC 3339, 2020-07-05 19:00:00, a number since 1970 or the number of a slot), found \"noon\"",
    );
    case(
        "time,trials,events\n1,2,1\n1593975600,2,1\n",
        "counts.csv:3: expected the number of a slot, as in the lines before, found \"1593975600\"",
    );
}

#[test]
fn the_length_of_a_slot_is_the_usual_step() {
    #[track_caller]
    fn case(times: [u64; 3], seconds: u64) {
        let rows: String = times.iter().map(|time| format!("{time},1,0\n")).collect();
        assert_eq!(
            of(&format!("time,trials,events\n{rows}")).unwrap().slot_seconds,
            seconds
        );
    }
    case([1_593_975_600, 1_593_975_720, 1_593_975_780], 60);
    case([1_593_975_600, 1_593_975_600, 1_593_975_600], 10);
    case([1, 2, 3], 10);
}

#[test]
fn columns_and_rows_may_stand_in_any_order() {
    let sorted: Vec<String> = (0..400).map(row).collect();
    let mut shuffled = sorted.clone();
    shuffled.sort_by_key(|row| {
        row.bytes()
            .fold(7_u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte))
    });
    let lines = |rows: &[String]| {
        format!(
            "{:?}",
            of(&format!("events,os,time,trials\n{}", rows.concat()))
                .unwrap()
                .lines
        )
    };
    assert_eq!(lines(&sorted), lines(&shuffled));
    assert!(lines(&sorted).contains("amzn2"), "{}", lines(&sorted));
}

/// Two systems at 1 %; amzn2 is at 20 % in the last fifty minutes.
fn row(at: u64) -> String {
    let (minute, os) = (at / 2, ["amzn2", "el8"][(at % 2) as usize]);
    let events = if minute >= 150 && os == "amzn2" { 40 } else { 2 };
    format!("{events},{os},{},200\n", 1_593_975_600 + minute * 60)
}

#[test]
fn a_message_counts_blank_lines() {
    assert_eq!(
        of("time,trials,events\r\n\r\n\n1,1,0\r\n\n1,x,1\n").unwrap_err(),
        "counts.csv:6: expected trials as a whole number, found \"x\""
    );
}

#[test]
fn counts_may_be_floats_and_fields_quoted() {
    let found =
        of("\u{feff}\"time\",\"a,b\",trials,events\n\"2020-07-05 19:00:00\",\"x, y\",5.0,0.0\n").unwrap();
    assert!(found.lines.is_empty());
}

#[test]
fn a_file_without_rows_holds_nothing() {
    assert!(of("time,colo,trials,events\n").unwrap().lines.is_empty());
}

/// A fault of amzn2 in five colos of seven: the value sets are named, the complement as the values that are in it.
#[test]
fn a_cohort_is_sets_of_values() {
    let colos = ["CDG", "FRA", "GRU", "IAD", "LHR", "NRT", "SIN"];
    let mut text = String::from("time,colo,os,trials,events\n");
    let mut noise = 1_u64;
    for minute in 0..400_u64 {
        for colo in colos {
            for os in ["amzn2", "el8", "linuxkit"] {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let is_hit = minute >= 340 && os == "amzn2" && !["IAD", "SIN"].contains(&colo);
                let events = u64::from(noise >> 60 == 0) + if is_hit { 3 + (noise >> 62) } else { 0 };
                text.push_str(&format!(
                    "{},{colo},{os},30,{events}\n",
                    1_593_975_600 + minute * 60
                ));
            }
        }
    }
    let found = of(&text).unwrap();
    let cohorts: Vec<String> = found
        .lines
        .iter()
        .map(|line| serde_json::to_string(&line.cohort).unwrap())
        .collect();
    assert_eq!(
        cohorts,
        [r#"{"colo":["CDG","FRA","GRU","LHR","NRT"],"os":["amzn2"]}"#]
    );
}

fn anomaly(id: u64, opened: u64, closed: Option<u64>, statistic: f64) -> Anomaly {
    Anomaly {
        id,
        cohort: vec![],
        opened,
        closed,
        onset: opened - 1,
        statistic,
        expected: 0.01,
        observed: 0.05,
        delay_bound: None,
        reopened: 0,
    }
}

fn cohort(text: &str) -> Sets {
    let one = |part: &str| {
        let (attribute, values) = part.split_once('=').unwrap();
        (
            attribute.to_owned(),
            values.split(',').map(str::to_owned).collect(),
        )
    };
    text.split_whitespace().map(one).collect()
}

#[test]
fn what_is_found_twice_is_told_once() {
    #[track_caller]
    fn case(known: (&str, Option<u64>), found: (&str, u64), expected: bool) {
        let known = (anomaly(1, 10, known.1, 15.0), cohort(known.0));
        let found = (anomaly(2, found.1, None, 20.0), cohort(found.0));
        assert_eq!(is_one(&known, (&found.0, &found.1)), expected);
    }
    case(
        ("os=amzn2 colo=FRA,GRU", Some(20)),
        ("colo=FRA,GRU os=amzn2", 12),
        true,
    );
    case(("os=amzn2 colo=FRA,GRU", None), ("os=amzn2 colo=GRU", 90), true);
    case(("os=amzn2 colo=GRU", None), ("os=amzn2", 90), true);
    case(("os=amzn2", Some(20)), ("os=amzn2", 30), false);
    case(("os=amzn2", None), ("os=el8", 12), false);
    case(("os=amzn2", None), ("colo=FRA", 12), false);

    let mut known = (anomaly(1, 10, Some(20), 15.0), cohort("os=amzn2 colo=GRU"));
    join(&mut known, anomaly(2, 12, Some(25), 20.0), cohort("os=amzn2"));
    let (first, sets) = &known;
    assert_eq!(
        (first.id, first.opened, first.onset, first.closed, first.statistic),
        (1, 10, 9, Some(25), 20.0)
    );
    assert_eq!(*sets, cohort("os=amzn2"));
    join(
        &mut known,
        anomaly(3, 13, None, 16.0),
        cohort("os=amzn2 colo=FRA"),
    );
    assert_eq!(
        (known.0.closed, known.0.statistic, &known.1),
        (None, 20.0, &cohort("os=amzn2"))
    );
}
