//! The page that `scan --format html` writes, in a browser: headless Chromium, told what to do by the DevTools protocol.
//!
//! Source: <https://chromedevtools.github.io/devtools-protocol/>

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::debian::Root;
use super::place;

/// Widths of a window and of a telephone, in CSS pixels.
const WIDTHS: [u32; 2] = [1280, 390];

/// The page's background in each scheme of colours, as the template has it.
const SCHEMES: [(&str, &str); 2] = [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 28)")];

/// What would widen the page if it weren't cut, and what would run if it were markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// A browser, and what has happened in it.
struct Browser {
    process: Child,
    tell: ChildStdin,
    hear: BufReader<ChildStdout>,
    session: Option<String>,
    told: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one with a page of its own.
    fn start() -> Self {
        let profile = place::folder();
        // It listens at file descriptor 3 and answers at 4. There is nothing foreign to be kept in a sandbox, and root has none.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions \
                      --remote-debugging-pipe \"--user-data-dir=$1\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(profile.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let (tell, hear) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut browser = Self { process, tell, hear, session: None, told: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Calls a method and returns its result.
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.told += 1;
        let mut message = json!({ "id": self.told, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.tell.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let heard = self.hear();
            if heard["id"] == self.told {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].clone();
            }
            self.events.push(heard);
        }
    }

    fn hear(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.hear.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser ended: is chromium installed?");
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Opens a page and waits until it is there; what happened before is forgotten.
    fn open(&mut self, url: &str) {
        self.events.clear();
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let heard = self.hear();
            self.events.push(heard);
        }
    }

    /// Returns the value of an expression in the page.
    fn evaluate(&mut self, expression: &str) -> Value {
        let result = self.call("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    fn heard<'a>(&'a self, methods: &'a [&str]) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(|event| methods.iter().any(|method| event["method"] == **method)).map(|event| &event["params"])
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_report_is_whole_in_a_browser_in_light_and_dark_and_on_a_telephone() {
    let root = Root::of("12");
    root.install_vulnerable_openssh();
    for name in [format!("{HOSTILE}_key"), format!("ssh_host_{}_key", "x".repeat(200))] {
        std::fs::write(root.path().join("etc/ssh").join(name.replace('/', "_")), "x").unwrap();
    }
    std::fs::write(root.path().join("etc/ssh/ssh_host_rsa_key"), "x").unwrap();
    let (report, _) = root.scan(&root.path());
    let (page, _) = root.scan_as("html", &root.path());
    let folder = place::folder();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    let url = format!("file://{}", file.display());

    let mut browser = Browser::start();
    for (scheme, background) in SCHEMES {
        for width in WIDTHS {
            let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
            browser.call("Emulation.setEmulatedMedia", json!({ "features": features }));
            let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
            browser.call("Emulation.setDeviceMetricsOverride", size);
            browser.open(&url);
            let shown = browser.evaluate("getComputedStyle(document.body).backgroundColor");
            assert_eq!(shown, background, "{scheme}");
            let widest = browser.evaluate("document.documentElement.scrollWidth");
            assert!(widest.as_u64().unwrap() <= u64::from(width), "{scheme}, {width}: {widest} is wider than the window");
            let text = browser.evaluate("document.body.textContent");
            let text = text.as_str().unwrap();
            assert!(report.findings.len() > 2, "{:#?}", report.findings);
            for finding in &report.findings {
                let flaw = finding.vulnerability.as_ref();
                let parts = [
                    Some(finding.code.as_str()),
                    finding.path.as_deref(),
                    flaw.map(|flaw| flaw.id()),
                    flaw.and_then(|flaw| flaw.fixed.as_deref()),
                ];
                for part in parts.into_iter().flatten() {
                    assert!(text.contains(part), "{scheme}, {width}: {part} is not in the page");
                }
            }
            assert_eq!(browser.evaluate("document.images.length + document.scripts.length"), 0, "no markup of the image's");
            let said: Vec<&Value> = browser.heard(&["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"]).collect();
            assert!(said.is_empty(), "{scheme}, {width}: {said:#?}");
            let asked: Vec<&Value> = browser.heard(&["Network.requestWillBeSent"]).map(|event| &event["request"]["url"]).collect();
            assert_eq!(asked, [url.as_str()], "it loads itself and nothing else");
        }
    }
}
