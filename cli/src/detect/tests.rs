use super::{Arguments, Found, search};

fn arguments() -> Arguments {
    Arguments {
        file: "-".into(),
        slot: None,
        false_alarm_days: 30.0,
    }
}

fn of(text: &str) -> Result<Found, String> {
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
        "counts.csv:2: expected a time (RFC 3339, seconds since 1970 or the number of a slot), found \"noon\"",
    );
    case(
        "time,trials,events\n1,2,1\n1593975600,2,1\n",
        "counts.csv:3: expected the number of a slot, as in the lines before, found \"1593975600\"",
    );
}

#[test]
fn the_length_of_a_slot_is_the_smallest_step() {
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
fn rows_out_of_order_are_counted_and_left_out() {
    let found = of("time,trials,events\n5,1,0\n6,1,0\n4,1,0\n6,1,0\n").unwrap();
    assert_eq!(found.late, 1);
}

#[test]
fn a_file_without_rows_holds_nothing() {
    assert!(of("time,colo,trials,events\n").unwrap().anomalies.is_empty());
}
