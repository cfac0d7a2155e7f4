//! Logs as stores and queries hand them out: lists somewhere inside of JSON, lines in a column of a table, columns of their own.

use serde_json::{Value, json};

use crate::known::FORMS;
use crate::logs::{CLIENTS, COMBINED, line, log, wrong};

fn lines(form: &str) -> Vec<String> {
    (0..2 * CLIENTS).map(|at| line(form, at)).collect()
}

fn elastic() -> &'static str {
    FORMS.iter().find(|(name, _)| *name == "elastic").unwrap().1
}

#[test]
fn answers_of_apis_hold_requests_in_lists() {
    let hits: Vec<String> = lines(elastic())
        .iter()
        .map(|line| format!(r#"{{"_index":"logs","_id":"1","_source":{line},"sort":[1]}}"#))
        .collect();
    let search = format!(
        r#"{{"took":5,"_shards":{{"total":1,"failures":[{{}}]}},"hits":{{"total":{{"value":40}},"hits":[{}]}},"aggregations":{{"a":{{"buckets":[{{"key":1}}]}}}}}}"#,
        hits.join(",")
    );
    let pretty = format!("{:#}", serde_json::from_str::<Value>(&search).unwrap());
    let pairs: Vec<String> = lines(COMBINED)
        .iter()
        .map(|line| json!(["1772442000000000000", line]).to_string())
        .collect();
    let (first, second) = pairs.split_at(20);
    let loki = format!(
        r#"{{"status":"success","data":{{"resultType":"streams","result":[{{"stream":{{"pod":"a"}},"values":[{}]}},{{"stream":{{"pod":"b"}},"values":[{}]}}],"stats":{{"ingester":{{"store":{{"chunk":{{"n":1}}}}}}}}}}}}"#,
        first.join(","),
        second.join(",")
    );
    let events: Vec<Value> = lines(COMBINED)
        .iter()
        .map(|line| json!({"logStreamName": "a", "timestamp": 1_772_442_000_000_u64, "message": line}))
        .collect();
    let cloudwatch = json!({"events": events, "searchedLogStreams": []});
    let record = |line: &String| {
        json!({"resourceLogs": [{"resource": {"attributes": [{"key": "pod", "value": {"stringValue": "a"}}]},
            "scopeLogs": [{"scope": {}, "logRecords": [{"timeUnixNano": "1772442000000000000", "body": {"stringValue": line}}]}]}]})
    };
    let collector: Vec<String> = lines(COMBINED)
        .iter()
        .map(|line| record(line).to_string())
        .collect();
    let mut all = Vec::new();
    for (name, log) in [
        ("elasticsearch", search.as_str()),
        ("elasticsearch, over many lines", &pretty),
        ("loki", &loki),
        ("cloudwatch", &cloudwatch.to_string()),
        ("cloudwatch, over many lines", &format!("{cloudwatch:#}")),
        ("opentelemetry", &collector.join("\n")),
    ] {
        all.extend(wrong(name, &[], log));
    }
    let bulk = lines(elastic())
        .iter()
        .map(|line| format!("{{\"index\":{{\"_index\":\"a\"}}}}\n{line}\n"))
        .collect::<String>();
    all.extend(wrong("bulk", &[], &bulk));
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn a_column_of_a_table_may_hold_the_lines() {
    let doubled = COMBINED.replace('"', "\"\"");
    let object = elastic().replace('"', "\"\"");
    let mut all = Vec::new();
    for (name, header, form) in [
        ("grafana", r#""Date","Line""#, format!(r#"{{iso}},"{doubled}""#)),
        (
            "splunk",
            r#""_raw","_time",host,source"#,
            format!(r#""{doubled}","{{iso}}",node,"/var/log/nginx/access.log""#),
        ),
        (
            "cloudwatch",
            "@timestamp,@message",
            format!(r#"2026-03-02 {{clock}}.000,"{doubled}""#),
        ),
        ("objects", "time;host;line", format!(r#"{{iso}};node;"{object}""#)),
        ("tabs", "time\thost\tline", format!("{{iso}}\tnode\t{COMBINED}")),
    ] {
        let whole = format!("{header}\r\n{}", log(&form).replace('\n', "\r\n"));
        all.extend(wrong(name, &[], &format!("\u{feff}{whole}")));
        // Two that were put together.
        let (first, second) = whole.split_at(whole.match_indices('\n').nth(20).unwrap().0 + 1);
        all.extend(wrong(name, &[], &format!("{first}{header}\r\n{second}")));
    }
    // A prefix is no column, and its first line no header.
    for prefix in ["registry-1  | ", "{iso}\t", "a\tb\tc\td\te\tf\tg\th\ti\t"] {
        all.extend(wrong(prefix, &[], &log(&format!("{prefix}{COMBINED}"))));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn columns_of_a_query_are_those_of_the_log() {
    let mut all = Vec::new();
    for (name, header, form) in [
        (
            "cloudfront",
            r#""date","time","x_edge_location","sc_bytes","c_ip","cs_method","cs_host","cs_uri_stem","sc_status","cs_user_agent","time_taken""#,
            r#""2026-03-02","{clock}","IAD89-C1","5000321","{ip}","GET","hub","{path}","200","{ua}","0.000""#,
        ),
        (
            "alb",
            r#""type","time","elb","client_ip","client_port","target_ip","elb_status_code","target_status_code","received_bytes","sent_bytes","request_verb","request_url","user_agent""#,
            r#""h2","{iso}","app/hub","{ip}","41478","10.0.0.9","200","200","412","5000321","GET","https://hub.example.com:443{path}","{ua}""#,
        ),
        (
            "s3",
            r#""bucket_name","requestdatetime","remoteip","operation","key","request_uri","httpstatus","bytessent","objectsize","totaltime","useragent""#,
            r#""hub","{clf}","{ip}","REST.GET.OBJECT","docker/x","GET /docker/registry/v2/blobs/sha256/00/{hex}/data HTTP/1.1","200","5000000","5000000","2000","{ua}""#,
        ),
        (
            "logpush",
            "ClientIP,ClientRequestMethod,ClientRequestURI,EdgeEndTimestamp,EdgeResponseBytes,EdgeResponseStatus,EdgeStartTimestamp,ClientRequestUserAgent",
            "{ip},GET,{path},{unix}000000000,5000321,200,{unix}000000000,{ua}",
        ),
        (
            "iis by Log Parser",
            "date,time,s-ip,cs-method,cs-uri-stem,c-ip,cs(User-Agent),sc-status,time-taken",
            "2026-03-02,{clock},10.0.0.1,GET,{path},{ip},{ua},200,250",
        ),
        (
            "a date and a clock",
            "date,time,client,verb,uri,status",
            "2026-03-02,{clock},{ip},GET,{path},200",
        ),
    ] {
        all.extend(wrong(name, &[], &format!("{header}\n{}", log(form))));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}
