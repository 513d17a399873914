// Reads /metrics every few seconds, keeps the last minutes in memory, draws a line for each panel.
"use strict";

const SECONDS = 5;
const KEPT = 120;

// Parses Prometheus's text format into { name: [{ labels, value }] }.
function parse(text) {
  const metrics = {};
  const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)/;
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;
  for (const row of text.split("\n")) {
    if (row.startsWith("#")) continue;
    const found = line.exec(row);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] || "").matchAll(label)) labels[name] = value.replace(/\\(.)/g, "$1");
    (metrics[found[1]] ||= []).push({ labels, value: Number(found[3]) });
  }
  return metrics;
}

const sum = (metrics, name, where = () => true) =>
  (metrics[name] || []).filter((one) => where(one.labels)).reduce((total, one) => total + one.value, 0);
const first = (metrics, name, where = () => true) => (metrics[name] || []).find((one) => where(one.labels))?.value;

const real = (labels) => !/^(lo|veth|docker|br-)/.test(labels.device || "");
const onDisk = (labels) => !/^(tmpfs|overlay|squashfs|ramfs)$/.test(labels.fstype || "");

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}
const percent = (value) => `${value.toFixed(1)} %`;
const plain = (value) => value.toFixed(value < 10 ? 2 : 0);

// A panel's value is computed from this measurement and the one before; `rate` is a second's growth.
const PANELS = [
  { title: "Processor", show: percent, most: 100, alarm: 90, value: (now, rate) => {
    const idle = rate("node_cpu_seconds_total", (l) => l.mode === "idle" || l.mode === "iowait");
    const all = rate("node_cpu_seconds_total");
    return all > 0 ? 100 * (1 - idle / all) : 0;
  } },
  { title: "Stolen by neighbours", show: percent, most: 100, alarm: 10, value: (now, rate) => {
    const all = rate("node_cpu_seconds_total");
    return all > 0 ? 100 * rate("node_cpu_seconds_total", (l) => l.mode === "steal") / all : 0;
  } },
  { title: "Load, one minute", show: plain, value: (now) => first(now, "node_load1") },
  { title: "Memory in use", show: percent, most: 100, alarm: 90, value: (now) =>
    100 * (1 - first(now, "node_memory_MemAvailable_bytes") / first(now, "node_memory_MemTotal_bytes")) },
  { title: "Swap in use", show: bytes, value: (now) =>
    first(now, "node_memory_SwapTotal_bytes") - first(now, "node_memory_SwapFree_bytes") },
  { title: "Root volume in use", show: percent, most: 100, alarm: 85, value: (now) => {
    const root = (l) => l.mountpoint === "/" && onDisk(l);
    return 100 * (1 - first(now, "node_filesystem_avail_bytes", root) / first(now, "node_filesystem_size_bytes", root));
  } },
  { title: "Read from disks, a second", show: bytes, value: (now, rate) => rate("node_disk_read_bytes_total") },
  { title: "Written to disks, a second", show: bytes, value: (now, rate) => rate("node_disk_written_bytes_total") },
  { title: "Disks busy", show: percent, most: 100, value: (now, rate) => 100 * rate("node_disk_io_time_seconds_total") },
  { title: "Received, a second", show: bytes, value: (now, rate) => rate("node_network_receive_bytes_total", real) },
  { title: "Sent, a second", show: bytes, value: (now, rate) => rate("node_network_transmit_bytes_total", real) },
  { title: "Packets lost, a second", show: plain, value: (now, rate) =>
    rate("node_network_receive_drop_total", real) + rate("node_network_transmit_drop_total", real) },
  { title: "TCP connections", show: plain, value: (now) => first(now, "node_netstat_Tcp_CurrEstab") },
  { title: "TCP segments sent again, a second", show: plain, value: (now, rate) => rate("node_netstat_Tcp_RetransSegs") },
  { title: "Open files", show: plain, value: (now) => first(now, "node_filefd_allocated") },
  { title: "Processes blocked", show: plain, alarm: 5, value: (now) => first(now, "node_procs_blocked") },
];

// What a person should hear of, from the collectors' metrics.
function notices(now) {
  const told = [];
  const tell = (alarm, text) => told.push({ alarm, text });
  const security = sum(now, "metrics_box_updates_pending", (l) => l.kind === "security");
  const other = sum(now, "metrics_box_updates_pending", (l) => l.kind === "other");
  if (security > 0) tell(true, `${security} security updates are pending`);
  if (other > 0) tell(false, `${other} updates are pending`);
  if (first(now, "metrics_box_reboot_required") > 0) tell(false, "an update waits for a restart of the instance");
  for (const { labels, value } of now.metrics_box_unit_failed || []) if (value > 0) tell(true, `${labels.unit} has failed`);
  for (const { labels, value } of now.metrics_box_certificate_expires_seconds || []) {
    const days = (value - Date.now() / 1000) / 86400;
    if (days < 30) tell(days < 7, `the certificate ${labels.path} ends in ${days.toFixed(0)} days`);
  }
  for (const { labels, value } of now.metrics_box_collector_success || []) if (value === 0) tell(true, `the collector ${labels.collector} fails`);
  return told;
}

const panels = PANELS.map((panel) => {
  const element = document.createElement("article");
  element.innerHTML = '<h3></h3><output>–</output><svg preserveAspectRatio="none" aria-hidden="true"><path class="area"/><path class="line"/></svg>';
  element.querySelector("h3").textContent = panel.title;
  document.getElementById("panels").append(element);
  return { ...panel, element, values: [] };
});

function draw({ element, values, most, alarm, show }) {
  const top = most || Math.max(1e-9, ...values) * 1.1;
  const points = values.map((value, index) => `${KEPT - values.length + index},${(100 - 100 * Math.min(value / top, 1)).toFixed(2)}`);
  const svg = element.querySelector("svg");
  svg.setAttribute("viewBox", `0 0 ${KEPT - 1} 100`);
  element.querySelector(".line").setAttribute("d", `M${points.join("L")}`);
  element.querySelector(".area").setAttribute("d", `M${KEPT - values.length},100L${points.join("L")}L${KEPT - 1},100Z`);
  const last = values[values.length - 1];
  element.querySelector("output").textContent = show(last);
  element.classList.toggle("alarm", alarm !== undefined && last >= alarm);
}

let before = null;
async function measure() {
  const answer = await fetch("metrics", { cache: "no-store" });
  if (!answer.ok) throw new Error(`/metrics answers ${answer.status}`);
  const now = { at: performance.now() / 1000, metrics: parse(await answer.text()) };
  if (before) {
    const seconds = now.at - before.at;
    const rate = (name, where) => Math.max(0, (sum(now.metrics, name, where) - sum(before.metrics, name, where)) / seconds);
    for (const panel of panels) {
      const value = panel.value(now.metrics, rate);
      if (!Number.isFinite(value)) continue;
      panel.values.push(value);
      if (panel.values.length > KEPT) panel.values.shift();
      draw(panel);
    }
  }
  before = now;
  const uname = (now.metrics.node_uname_info || [])[0]?.labels || {};
  const up = Date.now() / 1000 - first(now.metrics, "node_boot_time_seconds");
  document.getElementById("host").textContent = `${uname.nodename}, ${uname.sysname} ${uname.release}, up for ${(up / 3600).toFixed(1)} hours`;
  document.getElementById("licence").hidden = first(now.metrics, "metrics_box_licence_present") !== 0;
  const list = notices(now.metrics).map(({ alarm, text }) => {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("alarm", alarm);
    return item;
  });
  document.getElementById("notices").replaceChildren(...(list.length ? list : [Object.assign(document.createElement("li"), { textContent: "nothing" })]));
}

async function loop() {
  try {
    await measure();
  } catch (error) {
    document.getElementById("host").textContent = `no measurement: ${error.message}`;
  }
  setTimeout(loop, SECONDS * 1000);
}
loop();
