//! Judging anew: what is listed by the advisories of today, a release by what the ledger keeps of its scan, a bill of
//! materials by itself.

use std::fs;

use serde_json::{Value, json};

use super::sample;
use super::scratch::{Ended, Scratch};

/// A product that is listed.
fn listed() -> Scratch {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    scratch.done("bakehouse ship my-app --yes");
    scratch
}

/// Publishes a flaw of bash, which every guest has as 5.2-1, beside the sample.
fn publish(scratch: &Scratch, events: &Value) {
    let record = json!({
        "id": "TEST-2026-0001",
        "aliases": ["CVE-2026-10001"],
        "modified": "2026-01-01T00:00:00Z",
        "summary": "a flaw that was made up for a test",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{
            "package": { "ecosystem": "Debian:13", "name": "bash" },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        }],
    });
    fs::write(scratch.folder().join("flaw.json"), record.to_string()).unwrap();
    build(scratch, "--from flaw.json");
}

/// Builds the database anew, of the sample and of more.
fn build(scratch: &Scratch, more: &str) {
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d");
    scratch.done(&format!("bakehouse db build --from {} {more} --label sample --as-of {today}", sample::FOLDER));
}

fn documents(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}{}", ended.out, ended.err))
}

#[test]
fn what_is_listed_is_judged_by_the_advisories_of_today_and_what_changed_is_told_once() {
    let scratch = listed();
    let unchanged = scratch.done("bakehouse watch");
    assert!(unchanged.contains("my-app.x86_64 1.0.0 (listed in prod-") && unchanged.contains("nothing has changed since"), "{unchanged}");

    publish(&scratch, &json!([{ "introduced": "0" }]));
    let unfixed = scratch.run("bakehouse watch", None);
    assert!(unfixed.out.contains("new  critical AMI-VUL-003") && unfixed.out.contains("CVE-2026-10001"), "{}", unfixed.out);
    assert_eq!(unfixed.code, Some(0), "nobody has mended it: {}{}", unfixed.out, unfixed.err);

    publish(&scratch, &json!([{ "introduced": "0" }, { "fixed": "5.2-2" }]));
    let fixable = scratch.run("bakehouse watch --format json", None);
    assert_eq!(fixable.code, Some(4), "{}", fixable.err);
    assert!(fixable.err.contains("my-app.x86_64 1.0.0"), "{}", fixable.err);
    let watched = &documents(&fixable)["watched"][0];
    assert_eq!((&watched["passed"], &watched["new"], &watched["gone"]), (&false.into(), &json!([]), &json!([])));
    assert_eq!(watched["standing"], "listed", "{watched:#}");
    let verdict = &watched["verdict"];
    assert_eq!((&verdict["passed"], &verdict["failing"], &verdict["worst"]), (&json!(false), &json!(1), &json!("critical")), "{verdict}");
    assert!(again_said(&scratch, verdict["text"].as_str().unwrap()), "the terminal says the same: {verdict}");
    assert_eq!(watched["changed"][0]["after"]["standing"], "fails");
    let standings = watched["report"]["findings"].as_array().unwrap().iter().map(|finding| finding["standing"].as_str().is_some());
    assert!(standings.clone().count() > 0 && standings.into_iter().all(|told| told), "{watched:#}");
    let changed = &watched["changed"][0];
    assert_eq!((&changed["before"]["code"], &changed["after"]["code"]), (&"AMI-VUL-003".into(), &"AMI-VUL-002".into()));
    assert_eq!(changed["after"]["vulnerability"]["fixed"], "5.2-2");

    let again = scratch.run("bakehouse watch", None);
    assert!(again.code == Some(4) && again.out.contains("nothing has changed since"), "it is told once, and fails still: {}", again.out);
    build(&scratch, "");
    let withdrawn = scratch.done("bakehouse watch");
    assert!(withdrawn.contains("gone critical AMI-VUL-002"), "{withdrawn}");
    assert!(scratch.done("bakehouse ledger verify").contains("in agreement"));
}

/// Tells whether the terminal says of a verdict what the document does.
fn again_said(scratch: &Scratch, text: &str) -> bool {
    scratch.run("bakehouse scan my-app --again", None).out.contains(text)
}

#[test]
fn what_the_data_lacked_and_lacks_no_more_is_not_said_to_be_mended_nor_the_reverse() {
    let scratch = listed();
    // The database gets old: the same finding each day, told once.
    let long_ago = |days: i64| {
        let then = jiff::Timestamp::now().saturating_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap();
        scratch.done(&format!("bakehouse db build --from {} --label sample --as-of {}", sample::FOLDER, then.strftime("%Y-%m-%d")));
    };
    long_ago(30);
    let stale = scratch.run("bakehouse watch", None);
    assert!(stale.code == Some(4) && stale.out.contains("new  high COV-ADV-002"), "{}", stale.out);
    long_ago(31);
    let older = scratch.run("bakehouse watch", None);
    assert!(older.code == Some(4) && older.out.contains("nothing has changed since"), "a day more is no news: {}", older.out);
    build(&scratch, "");
    let recent = scratch.done("bakehouse watch");
    assert!(recent.contains("gone high COV-ADV-002") && recent.contains("the data is no longer called too old"), "{recent}");
    assert!(!recent.contains("could not be looked at"), "it was looked at, by old data: {recent}");
}

#[test]
fn what_is_wrong_with_one_release_hides_no_other_and_no_advisories_are_no_news() {
    let scratch = listed();
    scratch.done("bakehouse ship my-app --rebuild --bump minor --yes");
    publish(&scratch, &json!([{ "introduced": "0" }, { "fixed": "5.2-2" }]));
    // The older release's report is lost.
    let reports = scratch.done("bakehouse ledger path").trim().to_owned() + "/my-app.x86_64/reports";
    let lost = fs::read_dir(&reports).unwrap().map(|entry| entry.unwrap().path());
    let lost = lost.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("1.0.0-"));
    let lost: Vec<_> = lost.map(|path| (fs::read(&path).unwrap(), path)).collect();
    lost.iter().for_each(|(_, path)| fs::remove_file(path).unwrap());
    let one = scratch.run("bakehouse watch", None);
    assert_eq!(one.code, Some(4), "a refusal is the answer: {}{}", one.out, one.err);
    assert!(one.out.contains("my-app.x86_64 1.1.0") && one.out.contains("new  critical AMI-VUL-002"), "{}", one.out);
    assert!(one.err.contains("1.0.0"), "the other is told of: {}", one.err);
    lost.iter().for_each(|(bytes, path)| fs::write(path, bytes).unwrap());
    let both = scratch.run("bakehouse watch", None);
    assert!(both.out.contains("my-app.x86_64 1.0.0") && both.out.contains("nothing has changed since"), "{}", both.out);

    fs::rename(scratch.folder().join("advisories-of-today.db"), scratch.folder().join("away.db")).unwrap();
    let blind = scratch.run("bakehouse watch", None);
    assert!(blind.code == Some(4) && blind.out.contains("COV-ADV-001") && !blind.out.contains("gone"), "{}", blind.out);
    fs::rename(scratch.folder().join("away.db"), scratch.folder().join("advisories-of-today.db")).unwrap();
    let again = scratch.run("bakehouse watch", None);
    assert!(again.out.contains("nothing has changed since") && !again.out.contains("new "), "{}", again.out);

    let damaged = fs::read(scratch.folder().join("advisories-of-today.db")).unwrap();
    let mut flipped = damaged.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(scratch.folder().join("advisories-of-today.db"), flipped).unwrap();
    for command in ["bakehouse watch", "bakehouse scan my-app --again", "bakehouse ship my-app --rebuild --bump minor --yes"] {
        let refused = scratch.run(command, None);
        assert!(refused.code == Some(1) && refused.err.contains("damaged"), "{command}: {}", refused.err);
    }
    fs::write(scratch.folder().join("advisories-of-today.db"), damaged).unwrap();
    fs::rename(scratch.folder().join("products/my-app"), scratch.folder().join("elsewhere")).unwrap();
    let strange = scratch.run("bakehouse watch", None);
    assert!(strange.code == Some(1) && strange.err.contains("my-app has releases on twin and is not in the workspace"), "{}", strange.err);
}

#[test]
fn a_release_is_judged_again_without_its_image_by_the_waivers_of_today() {
    let scratch = listed();
    assert!(scratch.done("bakehouse scan my-app --again").contains("passed: "));
    publish(&scratch, &json!([{ "introduced": "0" }, { "fixed": "5.2-2" }]));
    let failed = scratch.run("bakehouse scan my-app 1.0.0 --again", None);
    assert_eq!(failed.code, Some(4), "{}", failed.err);
    for words in ["CVE-2026-10001", "5.2-1", "5.2-2", "sample"] {
        assert!(failed.out.contains(words), "{words}: {}", failed.out);
    }
    // The same as a scan of the image says, read anew.
    let codes = |ended: &Ended| -> Vec<String> {
        let findings = documents(ended)["variants"][0]["findings"].as_array().unwrap().clone();
        findings.iter().map(|finding| format!("{} {}", finding["code"], finding["package"])).collect()
    };
    let image = scratch.run("bakehouse scan my-app 1.0.0 --format json", None);
    let kept = scratch.run("bakehouse scan my-app 1.0.0 --again --format json", None);
    assert_eq!((image.code, codes(&image)), (kept.code, codes(&kept)));

    let manifest = scratch.folder().join("products/my-app/product.toml");
    let waiver = "\n[[scan.waiver]]\nid = \"CVE-2026-10001\"\ntarget = \"pkg:deb/debian/bash@*\"\nreason = \"no shell for strangers\"\n\
                  owner = \"security\"\ncreated = TODAY\nexpires = TODAY\n";
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date().to_string();
    let text = fs::read_to_string(&manifest).unwrap() + &waiver.replace("TODAY", &today);
    fs::write(&manifest, text).unwrap();
    let waived = scratch.done("bakehouse scan my-app --again");
    assert!(waived.contains("Waived: 1") && waived.contains("no shell for strangers"), "{waived}");

    let wrong = scratch.run("bakehouse scan my-app 9.0.0 --again", None);
    assert!(wrong.code == Some(1) && wrong.err.contains("no release 9.0.0"), "{}", wrong.err);
    let wrong = scratch.run("bakehouse scan ./guest.json --again", None);
    assert!(wrong.code == Some(1) && wrong.err.contains("only a product has releases"), "{}", wrong.err);
}

#[test]
fn a_bill_of_materials_is_judged_by_its_packages() {
    let scratch = listed();
    let bill = scratch.done("bakehouse sbom my-app");
    fs::write(scratch.folder().join("bill.json"), bill).unwrap();
    let clean = scratch.done("bakehouse scan --sbom bill.json --write-sbom bill.spdx.json --sbom-format spdx");
    assert!(clean.contains("passed: "), "{clean}");
    // The same packages in the other form.
    assert!(scratch.done("bakehouse scan --sbom bill.spdx.json").contains(", 1 package"));
    publish(&scratch, &json!([{ "introduced": "0" }, { "fixed": "5.2-2" }]));
    let flawed = scratch.run("bakehouse scan --sbom bill.json", None);
    assert!(flawed.code == Some(4) && flawed.out.contains("CVE-2026-10001"), "{}{}", flawed.out, flawed.err);
    fs::write(scratch.folder().join("no-bill.json"), "{}").unwrap();
    for (file, why) in [("no-bill.json", "neither CycloneDX"), ("missing.json", "No such file"), ("guest.json", "neither CycloneDX")] {
        let wrong = scratch.run(&format!("bakehouse scan --sbom {file}"), None);
        assert!(wrong.code == Some(1) && wrong.err.contains(why), "{file}: {}", wrong.err);
    }
}

#[test]
fn what_the_database_lacks_of_the_base_s_system_is_foreseen() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    fs::create_dir(scratch.folder().join("others")).unwrap();
    for file in ["kev.json", "osv/ALSA-2024-4312.json"] {
        let name = std::path::Path::new(file).file_name().unwrap();
        fs::copy(std::path::Path::new(sample::FOLDER).join(file), scratch.folder().join("others").join(name)).unwrap();
    }
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    scratch.done(&format!("bakehouse db build --from others --as-of {today}"));
    let lacking = "the database has no advisories of Debian 13 (Debian)";
    let cure = "bakehouse db update --only \"Debian\"";
    let plan = scratch.done("bakehouse plan my-app");
    assert!(plan.contains(lacking) && plan.contains("stops the release (COV-ADV-001)") && plan.contains(cure), "{plan}");
    let doctor = scratch.run("bakehouse doctor", None);
    assert!(doctor.out.contains(lacking) && doctor.out.contains(cure), "{}", doctor.out);
    let shipped = scratch.run("bakehouse ship my-app --yes", None);
    assert!(shipped.code == Some(1) && shipped.err.contains("nothing is baked") && shipped.err.contains(lacking), "{}", shipped.err);
    let shipped = scratch.run("bakehouse ship my-app --yes --advisories-later", None);
    assert!(shipped.code == Some(4) && shipped.err.contains(cure), "{}", shipped.err);
    assert!(!shipped.err.contains("mend the provisioning") && shipped.err.contains("the same image is judged anew"), "{}", shipped.err);
    let manifest = scratch.folder().join("products/my-app/product.toml");
    let waiver = format!(
        "\n[[scan.waiver]]\nid = \"COV-ADV-001\"\ntarget = \"image\"\nreason = \"checked elsewhere\"\nowner = \"a@example.com\"\n\
         created = {today}\nexpires = {today}\n"
    );
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap() + &waiver).unwrap();
    let plan = scratch.done("bakehouse plan my-app --rebuild");
    assert!(!plan.contains(lacking), "what is waived stops nothing: {plan}");
}

#[test]
fn a_database_whose_bytes_have_changed_is_noticed_before_anything_is_baked() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    let database = scratch.folder().join("advisories-of-today.db");
    let mut flipped = fs::read(&database).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&database, flipped).unwrap();
    let plan = scratch.done("bakehouse plan my-app");
    assert!(plan.contains("the database of advisories can't be used: it is damaged"), "{plan}");
    let doctor = scratch.run("bakehouse doctor", None);
    assert!(doctor.code == Some(1) && doctor.out.contains("the database can't be used: it is damaged"), "{}", doctor.out);
    let shipped = scratch.run("bakehouse ship my-app --yes", None);
    assert!(shipped.code == Some(1) && shipped.err.contains("nothing is baked") && shipped.err.contains("damaged"), "{}", shipped.err);
    assert!(scratch.run("bakehouse runs", None).err.contains("there are no runs"), "nothing was begun");
}

#[test]
fn without_a_database_nothing_is_released_and_the_plan_says_so() {
    let scratch = Scratch::new();
    scratch.done("bakehouse init my-app");
    fs::remove_file(scratch.folder().join("advisories-of-today.db")).unwrap();
    let plan = scratch.done("bakehouse plan my-app");
    assert!(plan.contains("there is no database of advisories"), "{plan}");
    let shipped = scratch.run("bakehouse ship my-app --yes", None);
    assert!(shipped.code == Some(1) && shipped.err.contains("nothing is baked: there is no database of advisories"), "{}", shipped.err);
    assert!(
        shipped.err.contains("bakehouse db update") && shipped.err.contains("--advisories-later bakes all the same"),
        "{}",
        shipped.err
    );
    assert!(scratch.run("bakehouse runs", None).err.contains("there are no runs"), "nothing was begun");
    let shipped = scratch.run("bakehouse ship my-app --yes --advisories-later", None);
    assert!(shipped.code == Some(4) && format!("{}{}", shipped.out, shipped.err).contains("COV-ADV-001"), "{}", shipped.err);
    let long_ago =
        jiff::Timestamp::now().saturating_sub(jiff::SignedDuration::from_hours(24 * 30)).unwrap().strftime("%Y-%m-%d").to_string();
    scratch.done(&format!("bakehouse db build --from {} --as-of {long_ago}", sample::FOLDER));
    let plan = scratch.done("bakehouse plan my-app --rebuild");
    let how_old = format!("the entries of CISA's catalogue of what attackers use are of {long_ago}, 30 days old, and may be 7");
    assert!(plan.contains(&how_old), "{plan}");
    let baked = scratch.run("bakehouse bake my-app --rebuild", None);
    assert!(baked.code == Some(1) && baked.err.contains("nothing is baked") && baked.err.contains("COV-ADV-002"), "{}", baked.err);
    build(&scratch, "");
    assert!(!scratch.done("bakehouse plan my-app --rebuild").contains("advisories"));
    scratch.done("bakehouse ship my-app --yes");
    let shown: Value = serde_json::from_str(&scratch.done("bakehouse show my-app --format json")).unwrap();
    let asked = &shown["variants"][0]["release"]["scan"]["advisories"];
    assert!(asked["label"] == "sample" && asked["digest"].is_string() && asked["as_of"].is_string(), "{asked}");
}
