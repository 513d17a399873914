//! Every rule finds its examples, and no rule what only looks like one.
//!
//! Examples are put together here from pieces, so that no other scanner stumbles over this file.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::corpus_tests;
use super::rules::RULES;
use super::searcher::{OVERLAP_BYTES, Window};
use super::*;
use crate::model::report::Severity;

const HEX: &str = "9f3b6c1e84a7d052c8e19b4f7a60d3258bd41fe69702ac5b3e8d1740f6c92ba5d07e4813";
const MIXED: &str = "kX9vQ2mPz7LrT4wYb1NcJ8hFd5GsA0eUi3oRq6tWxK2nV8pZ5jM7yB4gC1fD9lH0sE3aQ6uI8oT2wR7vX5zN4kP1mJ9bG6hY3cF0dL8eS5qA2";
const LETTERS: &str = "QwErTyUiOpAsDfGhJkLzXcVbNmqWeRtYuI";
const UUID: &str = "3f2b8c1d-94e7-4a06-b5d8-71c0e92fa34b";
const DIGITS: &str = "849203175628";

fn mixed(length: usize) -> &'static str {
    &MIXED[..length]
}

fn hex(length: usize) -> &'static str {
    &HEX[..length]
}

fn pem(label: &str, headers: &str, body: &[u8]) -> String {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(body);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{headers}{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Bytes after a beginning, none like its neighbours.
fn body(beginning: &[u8]) -> Vec<u8> {
    beginning.iter().copied().chain((0..400_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// What each rule finds: its id, a path, a content.
fn examples() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let any = "/opt/app/data";
    let conf = "/opt/app/app.conf";
    let key = pem("RSA PRIVATE KEY", "", &body(&[0x30, 0x82, 1, 0x90, 2, 1, 0]));
    let macaroon =
        [b"\x02\x01\x08pypi.org\x02\x27".as_slice(), mixed(39).as_bytes(), b"\0\0\x06\x20", &mixed(32).as_bytes()[..32]].concat();
    let jwt = format!("{}.{}.{}", base64_url(br#"{"alg":"HS256","typ":"JWT"}"#), base64_url(br#"{"sub":"vq7","admin":true}"#), mixed(43));
    let text = |rule, path, content: String| (rule, path, content.into_bytes());
    vec![
        text("aws-secret-key", any, format!("aws_secret_access_key = {}", mixed(40))),
        text("aws-secret-key", any, format!("\"SecretAccessKey\": \"{}\"", mixed(40))),
        text("aws-secret-key", any, format!("AWS_SESSION_TOKEN={}", mixed(100))),
        text("aws-key-pair", any, format!("{}Q3EGRJ7LWXYZ2345 {}", "AKIA", mixed(40))),
        text("aws-profile", "/root/.aws/credentials", "[default]\naws_secret_access_key = short\n".to_owned()),
        text("aws-bedrock-key", any, format!("ABSKQmVkcm9ja0FQSUtleS{}=", mixed(90))),
        text("pem-key", any, key.clone()),
        text("pem-key", any, key.replace('\n', "\\n")),
        text("pem-key", any, key.replace('\n', "\r\n    ")),
        text("pem-key", any, pem("PRIVATE KEY", "", &body(&[0x30, 0x82, 1, 0x90, 2, 1, 0]))),
        text("pem-key", any, pem("EC PRIVATE KEY", "", &body(&[0x30, 0x77, 2, 1, 1]))),
        text("pem-key", any, pem("OPENSSH PRIVATE KEY", "", &body(b"openssh-key-v1\0\0\0\0\x04none"))),
        text(
            "pem-key",
            any,
            pem("PGP PRIVATE KEY BLOCK", "Version: 1\n\n", &body(&[0x95, 1, 0x90, 4, 0, 0, 0, 0, 22, 1, 0x2b, 0, 8, 0xff, 0])),
        ),
        text("encoded-pem-key", "/opt/tls.yaml", format!("data:\n  tls.crt: {0}\n  tls.key: {0}\n", base64(key.as_bytes()))),
        text("encoded-pem-key", any, format!("{{\"client-key-data\":\"{}\"}}", base64(key.as_bytes()))),
        text(
            "putty-key",
            any,
            format!(
                "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: x\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\n{}\n",
                mixed(64)
            ),
        ),
        ("java-key-store", any, [[0xfe, 0xed, 0xfe, 0xed], [0, 0, 0, 2], [0, 0, 0, 1], [0, 0, 0, 1], [0; 4]].concat()),
        text(
            "gnupg-key",
            any,
            format!(
                "Created: 20261128T080931\nKey: (private-key (rsa (n #00{}#)(e #010001#)\n (d #{}#)",
                hex(64).repeat(2),
                hex(64).repeat(2)
            ),
        ),
        text("gnupg-key", any, format!("(11:private-key(3:rsa(1:n257:{})(1:e3:abc)(1:d256:{})", mixed(50).repeat(6), mixed(50).repeat(6))),
        ("der-key", any, corpus_tests::PKCS8.to_vec()),
        ("openpgp-key", "/root/backup.gpg", corpus_tests::open_pgp(false)),
        ("pkcs12", "/opt/site.p12", vec![0x30, 0x82, 1, 2, 2, 1, 3, 0x30]),
        ("keytab", "/etc/krb5.keytab", vec![5, 2, 0, 0, 0, 0x40, 0, 1]),
        text("wireguard-key", any, format!("[Interface]\nPrivateKey = {}A=", mixed(42))),
        text(
            "age-key",
            any,
            format!("AGE-SECRET-KEY-1{}", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L3PZRY9X8GF2TVDW0S3JN54KHCE6M".get(..58).unwrap()),
        ),
        text("github-token", any, ["gh", "p_", "zQWBuTSOoRi4A9spHcVY5", "ncnsDkxkJ0mLq17"].concat()),
        text("github-fine-grained-token", any, format!("github_pat_{}_{}", mixed(22), mixed(59))),
        text("gitlab-token", any, format!("glpat-{}", mixed(20))),
        text("gitlab-token", any, format!("GR1348941{}", mixed(20))),
        text("atlassian-token", any, format!("ATATT3xFfGF0{}=1A2B3C4D", mixed(80))),
        text("atlassian-token", any, format!("ATBB{}1A2B3C4D", mixed(24))),
        text("docker-token", any, format!("dckr_pat_{}", mixed(27))),
        text("npm-token", any, format!("npm_{}", mixed(36))),
        text("pypi-token", any, format!("pypi-{}", base64_url(&macaroon))),
        text("rubygems-token", any, format!("rubygems_{}", hex(48))),
        text("google-api-key", any, format!("AIza{}", mixed(35))),
        text("google-oauth", any, format!("GOCSPX-{}", mixed(28))),
        text("google-oauth", any, format!("\"1//0{}\"", mixed(90))),
        text("azure-annotated-key", any, format!("{}JQQJ99AB{}A{}==", mixed(52), &mixed(60)[40..56], &mixed(60)[50..59])),
        text("azure-annotated-key", any, format!("{}+ASt{}A==", mixed(76), mixed(5))),
        text("azure-annotated-key", any, format!("{}+ACRA{}", mixed(42), mixed(5))),
        text("azure-connection-string", any, format!("AccountName=x;AccountKey={}==;EndpointSuffix=y", mixed(86))),
        text("azure-sas", any, format!("https://x.blob.core.windows.net/c?sv=2024-11-04&ss=b&sig={}%3D", mixed(43))),
        text("azure-client-secret", conf, format!("client: abc8Q~{}", mixed(34))),
        text("vault-token", any, format!("hvs.{}", mixed(95))),
        text("terraform-token", any, format!("{}.atlasv1.{}", mixed(14), mixed(67))),
        text("digitalocean-token", any, format!("dop_v1_{}", hex(64))),
        text("tailscale-key", any, format!("tskey-auth-{}-{}", mixed(17), mixed(32))),
        text("databricks-token", any, format!("dapi{}", hex(32))),
        text("heroku-key", any, format!("HRKU-{UUID}")),
        text("new-relic-key", any, format!("NRAK-{}", mixed(54).to_uppercase().get(..27).unwrap())),
        text("new-relic-key", any, format!("license_key: {}NRAL", hex(36))),
        text("grafana-token", any, format!("glsa_{}_{}", mixed(32), hex(8))),
        text("datadog-key", conf, format!("DD_API_KEY={}", hex(32))),
        text("datadog-agent-key", "/etc/datadog-agent/datadog.yaml", format!("api_key: {}", hex(32))),
        text("splunk-token", conf, format!("splunk_hec_token = {UUID}")),
        text("splunk-token", conf, format!("Authorization: Splunk {UUID}")),
        text("sonarqube-token", any, format!("squ_{}", hex(40))),
        text("slack-token", any, format!("xoxb-{DIGITS}-{DIGITS}-{}", mixed(24))),
        text("slack-token", any, format!("xapp-1-A{}-{DIGITS}-{}", "Q3EGRJ7LWX", hex(64))),
        text("slack-webhook", any, format!("https://hooks.slack.com/services/T{}/B{}/{}", "Q3EGRJ7LW", "W3EGRJ7LQ", mixed(24))),
        text("teams-webhook", any, format!("https://x.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{}/{UUID}", hex(32))),
        text("discord-webhook", any, format!("https://discord.com/api/webhooks/{DIGITS}849203/{}", mixed(68))),
        text("stripe-key", any, format!("sk_live_{}", mixed(24))),
        text("stripe-test-key", any, format!("sk_test_{}", mixed(24))),
        text("sendgrid-key", any, format!("SG.{}.{}", mixed(22), mixed(43))),
        text("twilio-token", conf, format!("TWILIO_AUTH_TOKEN={}", hex(32))),
        text("mailgun-key", conf, format!("MAILGUN_KEY=key-{}", hex(32))),
        text("openai-key", any, format!("sk-proj-{}T3BlbkFJ{}", mixed(74), mixed(74))),
        text("anthropic-key", any, format!("sk-ant-api03-{}AA", mixed(93))),
        text("hugging-face-token", any, format!("hf_{LETTERS}")),
        text("jwt", any, format!("Bearer {jwt}")),
        text("database-url", any, "DATABASE_URL=postgres://app:Vq7-pulpit@db.internal:5432/x".to_owned()),
        text("database-url", any, "DB=postgres://app:Vq7-pulpit@db/x".to_owned()),
        text("shopify-token", any, format!("shpat_{}", hex(32))),
        text("telegram-token", "/opt/app/bot.py", format!("https://api.telegram.org/bot849203175:AA{}/getMe", mixed(33))),
        text("crates-token", conf, format!("CARGO_REGISTRY_TOKEN: cio{}", mixed(32))),
        text("registry-auth", any, format!("{{\"auths\": {{\"r.io\": {{\"auth\": \"{}\"}}}}}}", base64(b"me:Vq7-pulpit"))),
        text("command-password", "/opt/app/backup.sh", "mysqldump -u app -pVq7-pulpit shop\n".to_owned()),
        text("authorization-header", "/opt/app/sync.sh", format!("curl -H \"Authorization: Bearer {}\" https://x.io\n", mixed(32))),
        text("url-password", "/opt/app/sync.py", "URL = 'https://me:Vq7-pulpit@git.internal/x.git'\n".to_owned()),
        text("quoted-secret", "/opt/app/settings.rb", format!("config.api_key = '{}'\n", mixed(32))),
        text("quoted-password", "/opt/app/db.py", "DB_PASSWORD = \"Vq7-pulpit-94\"\n".to_owned()),
        text("docker-auth", "/root/.docker/config.json", format!("{{\"auths\": {{\"r.io\": {{\"auth\": \"{}\"}}}}}}", mixed(32))),
        text("netrc", "/home/a/.netrc", "machine x login y\n  password Vq7-pulpit\n".to_owned()),
        text("netrc", "/etc/apt/auth.conf.d/x.conf", "machine x login y password Vq7-pulpit\n".to_owned()),
        text("git-credentials", "/root/.git-credentials", "https://me:Vq7-pulpit@git.internal\n".to_owned()),
        text("npmrc", "/root/.npmrc", "//registry.internal/:_authToken=Vq7-pulpit-94\n".to_owned()),
        text("pypirc", "/root/.pypirc", "[pypi]\nusername = x\npassword = Vq7-pulpit\n".to_owned()),
        text("cargo-credentials", "/root/.cargo/credentials.toml", "[registry]\ntoken = \"Vq7-pulpit-94\"\n".to_owned()),
        text("gem-credentials", "/root/.gem/credentials", "---\n:internal_api_key: Vq7-pulpit-94\n".to_owned()),
        text("pgpass", "/root/.pgpass", "db:5432:*:app:Vq7-pulpit\n".to_owned()),
        text("mysql-options", "/root/.my.cnf", "[client]\npassword = Vq7-pulpit\n".to_owned()),
        text("kubeconfig", "/root/.kube/config", format!("users:\n- user:\n    client-key-data: {}\n", mixed(80))),
        text(
            "gcloud-credentials",
            "/root/.config/gcloud/application_default_credentials.json",
            "{\"refresh_token\": \"Vq7-pulpit-94\"}".to_owned(),
        ),
        text("cloud-tool-store", "/root/.azure/msal_token_cache.json", "{\"x\": 1}".to_owned()),
        text("vault-token-file", "/root/.vault-token", "s.Vq7pulpit94".to_owned()),
        text("terraformrc", "/root/.terraformrc", "credentials \"app.terraform.io\" {\n  token = \"Vq7-pulpit-94\"\n}\n".to_owned()),
        text("repository-url", "/etc/apt/sources.list.d/x.list", "deb https://me:Vq7-pulpit@apt.internal/ trixie main\n".to_owned()),
        text("repository-password", "/etc/yum.repos.d/x.repo", "[x]\nusername=me\npassword=Vq7-pulpit\n".to_owned()),
        text("wifi-password", "/etc/wpa_supplicant/wpa_supplicant.conf", "network={\n  ssid=\"x\"\n  psk=\"Vq7-pulpit\"\n}\n".to_owned()),
        text("mail-relay-password", "/etc/postfix/sasl_passwd", "[smtp.corp.net]:587 relay@corp.net:pulpit\n".to_owned()),
        text("mail-relay-password", "/etc/exim4/passwd.client", "# host:login:pw\n*.corp.net:relay:pulpit\n".to_owned()),
        ("mail-relay-password-map", "/etc/postfix/sasl_passwd.db", vec![0, 1, 2]),
        text("mail-client-password", "/root/.msmtprc", "account x\nuser me\npassword pulpit\n".to_owned()),
        text("mail-client-password", "/etc/ssmtp/ssmtp.conf", "AuthUser=me\nAuthPass=pulpit\n".to_owned()),
        text("mail-client-password", "/etc/dma/auth.conf", "me|smtp.corp.net:pulpit\n".to_owned()),
        text("mail-client-password", "/etc/nullmailer/remotes", "smtp.corp.net smtp --user=me --pass=pulpit\n".to_owned()),
        text("ldap-password", "/etc/sssd/sssd.conf", "[domain/x]\nldap_default_authtok = pulpit\n".to_owned()),
        text("ldap-password", "/etc/nslcd.conf", "binddn cn=x\nbindpw pulpit\n".to_owned()),
        text("ldap-password", "/etc/ldap/slapd.conf", "rootpw pulpit\n".to_owned()),
        text("ldap-password", "/etc/ldap/slapd.d/cn=config/olcDatabase={1}mdb.ldif", "olcRootPW: pulpit\n".to_owned()),
        text("ldap-secret", "/etc/ldap.secret", "pulpit\n".to_owned()),
        text("ppp-secret", "/etc/ppp/chap-secrets", "# client server secret\n\"me\" * pulpit 10.0.0.2\n".to_owned()),
        text("ppp-secret", "/etc/xl2tpd/l2tp-secrets", "*\t*\t\"pul pit\"\n".to_owned()),
        text("ipsec-secret", "/etc/ipsec.secrets", "10.0.0.1 %any : PSK \"pulpit\"\n".to_owned()),
        text("ipsec-secret", "/etc/swanctl/conf.d/x.conf", "secrets {\n  ike-1 {\n    secret = \"pulpit\"\n  }\n}\n".to_owned()),
        text("haproxy-password", "/etc/haproxy/haproxy.cfg", "  stats auth admin:pulpit\n".to_owned()),
        text("haproxy-password", "/etc/haproxy/haproxy.cfg", "userlist x\n  user me insecure-password pulpit\n".to_owned()),
        text("pgbouncer-password", "/etc/pgbouncer/userlist.txt", "\"app\" \"pulpit\"\n".to_owned()),
        text("radius-secret", "/etc/freeradius/3.0/clients.conf", "client x {\n  secret = pulpit\n}\n".to_owned()),
        text("radius-secret", "/etc/freeradius/3.0/mods-config/files/authorize", "bob Cleartext-Password := \"pulpit\"\n".to_owned()),
        text("asterisk-password", "/etc/asterisk/sip.conf", "[100]\nsecret=pulpit\n".to_owned()),
        text("asterisk-password", "/etc/asterisk/pjsip.conf", "type=auth\npassword = pulpit\n".to_owned()),
        text("java-server-password", "/opt/tomcat/conf/server.xml", "<Connector port=\"8443\"\n keystorePass=\"pulpit\"/>".to_owned()),
        text("java-server-password", "/opt/tomcat/conf/context.xml", "<Resource username=\"a\" password='pulpit'/>".to_owned()),
        text("dns-key", "/etc/bind/rndc.key", format!("key \"rndc-key\" {{\n  secret \"{}=\";\n}};\n", mixed(43))),
        text("pre-shared-key", "/etc/zabbix/agent.psk", hex(64).to_owned()),
        text("monitoring-password", "/etc/zabbix/zabbix_server.conf", "DBPassword=pulpit\n".to_owned()),
        text("monitoring-password", "/var/lib/snmp/snmpd.conf", "createUser me SHA \"pulpitpulpit\" AES\n".to_owned()),
        text("monit-password", "/etc/monit/monitrc", "set httpd port 2812\n  allow admin:pulpit\n".to_owned()),
        text(
            "boot-loader-password",
            "/boot/grub/grub.cfg",
            format!("password_pbkdf2 root grub.pbkdf2.sha512.10000.{0}{0}.{0}{0}\n", hex(64)),
        ),
        text("share-password", "/root/.smbcredentials", "username=me\npassword=pulpit\n".to_owned()),
        text("share-password", "/etc/fstab", "//nas/x /mnt cifs username=me,password=pulpit,ro 0 0\n".to_owned()),
        text("davfs-password", "/etc/davfs2/secrets", "https://dav.corp.net/x me pulpit\n".to_owned()),
        text("share-password", "/etc/auto.nas", "x -fstype=cifs,username=me,password=pulpit ://nas/x\n".to_owned()),
        text("s3fs-password", "/etc/passwd-s3fs", format!("Q3EGRJ7LWXYZ23456789:{}\n", mixed(40))),
        text("rsync-password", "/etc/rsyncd.secrets", "backup:pulpit\n".to_owned()),
        text("password-store", "/root/team.kdbx", "\x03".to_owned()),
        text("boot-loader-plain-password", "/boot/grub/custom.cfg", "password root pulpit\n".to_owned()),
        text("stored-hash", any, format!("pbkdf2_sha256$600000${}${}=", mixed(22), mixed(43))),
        text("stored-hash", any, format!("('app', 'SCRAM-SHA-256$4096:{}==${}=:{}=')", mixed(22), mixed(43), mixed(43))),
        text("account-password", "/opt/setup.sh", "echo root:root | chpasswd\n".to_owned()),
        text("account-password", "/opt/setup.sh", "chpasswd <<< 'admin:Vq7-pulpit'\n".to_owned()),
        text("account-password", "/opt/setup.sh", "chpasswd <<EOF\nadmin:changeme\nEOF\n".to_owned()),
        text("account-password", "/opt/setup.sh", "printf 'admin:pulpit\\n' | sudo /usr/sbin/chpasswd\n".to_owned()),
        text("account-password", "/opt/setup.sh", "echo pulpit | passwd --stdin admin\n".to_owned()),
        text("command-password", "/opt/a.sh", "docker exec -it db mysql -uroot -pVq7-pulpit shop\n".to_owned()),
        text("command-password", "/etc/cron.d/x", "5 3 * * * root /usr/bin/mysqldump -pVq7-pulpit shop\n".to_owned()),
        text("command-password", "/opt/a.sh", "x=$(mysql -u root -pVq7-pulpit -e 'select 1')\n".to_owned()),
        text("command-password", "/opt/a.sh", "sudo -u app htpasswd -bc /etc/nginx/pw me Vq7-pulpit\n".to_owned()),
        text("command-password", "/opt/a.sh", "rabbitmqctl add_user app Vq7-pulpit\n".to_owned()),
        text("command-password", "/opt/a.sh", "ldapsearch -x -D cn=a -w Vq7-pulpit\n".to_owned()),
        text("named-password", "/opt/k8s.yaml", "env:\n- name: DB_PASSWORD\n  value: \"Vq7-pulpit-94\"\n".to_owned()),
        text("named-password", "/opt/task.json", "{\"name\": \"DB_PASSWORD\", \"value\": \"Vq7-pulpit-94\"}".to_owned()),
        text("connection-password", "/opt/a.py", "c = connect(\"dbname=a user=b password=Vq7-pulpit#94 host=c\")\n".to_owned()),
        text("connection-password", "/opt/A.java", "x(\"jdbc:mysql://h/d?user=root&password=Vq7-pulpit#94\");\n".to_owned()),
        text("go-mysql-password", "/opt/a.go", "sql.Open(\"mysql\", \"root:Vq7-pulpit#94@tcp(db:3306)/x\")\n".to_owned()),
        text("environment-password", "/srv/app/.env", "POSTGRES_PASSWORD=postgres\n".to_owned()),
        text("environment-password", "/srv/docker-compose.yml", "      MYSQL_ROOT_PASSWORD: root\n".to_owned()),
        text("environment-password", "/srv/application.properties", "spring.datasource.password=123456\n".to_owned()),
        text("grafana-password", "/etc/grafana/grafana.ini", "admin_password = changeme\n".to_owned()),
        text("option-password", "/opt/a.sh", "keytool -genkey -storepass Vq7-pulpit-94\n".to_owned()),
        text("quoted-password", "/opt/a.py", "PASSWORD = '@Vq7pulpit#94'\n".to_owned()),
        text("web-password", "/etc/nginx/.htpasswd", "me:Hx3kqWm0Zr9tE\n".to_owned()),
        text("web-password", "/srv/x.htpasswd", "me:{PLAIN}pulpit\n".to_owned()),
        text("proxied-header", "/etc/nginx/conf.d/x.conf", "proxy_set_header Authorization \"Basic bWU6VnE3LXB1bHBpdA==\";\n".to_owned()),
        text("option-password", "/etc/systemd/system/x.service", "ExecStart=/opt/x --user me --db-password Vq7-pulpit-94\n".to_owned()),
        text("option-password", "/etc/default/x", "OPTS=\"--listen :80 --password Vq7-pulpit-94\"\n".to_owned()),
        text("logged-password", "/var/log/mysqld.log", "A temporary password is generated for root@localhost: aX3;kfQ)w9pd\n".to_owned()),
        text("assigned-password", "/etc/default/x", "DB_PASS=Vq7pulpit94\n".to_owned()),
        text("assigned-password", "/etc/default/x", "PASS=Vq7pulpit94\n".to_owned()),
        text("assigned-password", "/etc/default/x", "ROOT_PW='Vq7 pulpit94'\n".replace(' ', "")),
        text("assigned-password", "/etc/default/x", "psk=\"Vq7pulpit94\"\n".to_owned()),
        text("assigned-password", "/srv/settings", "smtp_pass: Vq7pulpit94\n".to_owned()),
        text("assigned-password", "/srv/app.conf.j2", "smtp_pass = Vq7pulpit94\n".to_owned()),
        text("assigned-password", "/home/admin/.myapp", "password=Vq7pulpit94\n".to_owned()),
        text("assigned-secret", "/etc/default/x", format!("SECRET_KEY_BASE={}\n", hex(64))),
        text("assigned-secret", "/etc/default/x", format!("RAILS_MASTER_KEY={}\n", hex(32))),
        text("assigned-secret", "/etc/default/x", format!("APIKEY={}\n", mixed(24))),
        text("assigned-secret", "/etc/default/x", format!("APP_KEY={}\n", mixed(32))),
        text("database-key-file", "/srv/app/config/master.key", hex(32).to_owned()),
        text(
            "tomcat-password",
            "/opt/tomcat/conf/tomcat-users.xml",
            "<tomcat-users><user username=\"admin\" password=\"tomcat\"/></tomcat-users>".to_owned(),
        ),
        text("wordpress-password", "/srv/wp-config.php", "define( 'DB_PASSWORD', 'Vq7-pulpit' );\n".to_owned()),
        text("grafana-password", "/etc/grafana/grafana.ini", "[security]\nadmin_password = admin\n".to_owned()),
        text("redis-password", "/etc/redis/redis.conf", "requirepass Vq7-pulpit\n".to_owned()),
        text("rabbitmq-password", "/etc/rabbitmq/rabbitmq.conf", "default_pass = guest\n".to_owned()),
        text("database-key-file", "/var/lib/jenkins/secrets/initialAdminPassword", hex(32).to_owned()),
        text("environment-password", "/srv/app/.env", "DB_PASSWORD=Vq7-pulpit\n".to_owned()),
        text("environment-password", "/srv/app/.env", "DB_PASSWORD=Zr7#kQ2mWx9Tb\n".to_owned()),
        text("environment-password", "/srv/app/.env", format!("APP_KEY=base64:{}=\n", mixed(43))),
        text("assigned-password", conf, "password: kJ8#mQz2vRt9xLp\n".to_owned()),
        text(
            "django-key",
            "/srv/app/settings.py",
            "SECRET_KEY = 'django-insecure-x7wq9k2m#v5brctz!h3&n8(p0d@jf6=g1s4y_ulea%2ok+w9q*'\n".to_owned(),
        ),
        text("crypt-hash", conf, format!("rootpw --iscrypted $6${}${}\n", mixed(16), mixed(86))),
        text("crypt-hash", any, format!("$6${}${}", mixed(16), mixed(86))),
        text("crypt-hash", any, format!("app:$y$j9T${}${}:20000:", mixed(22), mixed(43))),
        text("crypt-hash", any, format!("('admin', '$2b$12${}')", mixed(53))),
        text("crypt-hash", "/etc/nginx/.htpasswd", format!("me:$apr1${}${}\n", mixed(8), mixed(22))),
        text("password-hash", conf, format!("userPassword: {{SSHA}}{}\n", mixed(32))),
        text("licence-key", conf, "license_key = Q3EG-RJ7L-WXYZ-2345-K8PM\n".to_owned()),
        text("assigned-secret", conf, format!("api_key: {}\n", mixed(32))),
        text("assigned-password", conf, "smtp_password = Vq7-pulpit-94\n".to_owned()),
        text("xml-password", "/opt/app/conf/app.xml", "<db>\n  <password>Vq7-pulpit-94</password>\n</db>\n".to_owned()),
        text("asks-for-aws-keys", any, "read -r -p \"key: \" AWS_SECRET_ACCESS_KEY\n".to_owned()),
        text("asks-for-aws-keys", any, "Please enter your AWS secret access key:".to_owned()),
    ]
}

fn ids(path: &str, content: &[u8]) -> Vec<String> {
    find(Path::new(path), content).into_iter().map(|found| found.rule.id.clone()).collect()
}

#[test]
fn every_rule_finds_its_examples_and_no_other_rule_does() {
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    for (rule, path, content) in examples() {
        let found = ids(path, &content);
        if found != [rule] {
            wrong.push(format!("{path}: {} is {rule}, but found are {found:?}", String::from_utf8_lossy(&content)));
        }
        tried.insert(rule);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let untried: Vec<&str> = RULES.rules.iter().map(|rule| rule.id.as_str()).filter(|id| !tried.contains(id)).collect();
    assert!(untried.is_empty(), "without an example: {untried:?}");
}

#[test]
fn what_only_looks_like_a_secret_is_none() {
    let harmless = [
        ("/x", format!("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY{}KEY", "EXAMPLE")),
        ("/x", format!("aws_secret_access_key = {}", "x".repeat(40))),
        ("/x", "AKIAQ3EGRJ7LWXYZ2345 da39a3ee5e6b4b0d3255bfef95601890afd80709".to_owned()),
        ("/x", "id AKIAQ3EGRJ7LWXYZ2345 alone".to_owned()),
        ("/x", format!("AKIAIOSFODNN7EXAMPLE {}", mixed(40))),
        ("/usr/lib/libcrypto.so", "-----BEGIN PRIVATE KEY-----\0-----END PRIVATE KEY-----".to_owned()),
        ("/x", "-----BEGIN PRIVATE KEY-----\n...\n".to_owned()),
        ("/x", pem("PRIVATE KEY", "", &body(b"no structure"))),
        ("/x", pem("OPENSSH PRIVATE KEY", "", &body(b"no structure"))),
        ("/x", pem("PGP PRIVATE KEY BLOCK", "\n", &body(b"no structure"))),
        ("/x", ["gh", "p_", "zQWBuTSOoRi4A9spHcVY5", "ncnsDkxkJ0mLq18"].concat()),
        ("/x", format!("pypi-AgEIcHlwaS5vcmc{}", mixed(90))),
        ("/x", format!("{}.{}.{}", base64_url(b"{\"no\":1}xxxx"), base64_url(b"{\"sub\":\"a\"}xx"), mixed(43))),
        ("/x", format!("npm_{}", "x".repeat(36))),
        ("/x", "postgres://user:password@localhost/db postgres://user:${PASSWORD}@db/x".to_owned()),
        (
            "/etc/x.conf",
            "password = changeme123\npassword=$PASSWORD\n# password = Vq7-pulpit-94\npassword required pam_unix.so\n".to_owned(),
        ),
        ("/etc/x.conf", "token_endpoint_auth_method: client_secret_basic\nsecret = /run/secrets/key1\n".to_owned()),
        ("/opt/tomcat/conf/tomcat-users.xml", "<!-- <user username=\"admin\" password=\"tomcat\"/> -->".to_owned()),
        ("/etc/grafana/grafana.ini", ";admin_password = admin\n".to_owned()),
        ("/usr/bin/x", format!("\0api_key: {}\n", mixed(32))),
        ("/root/.vault-token", "\n".to_owned()),
        ("/etc/shadow", format!("me:$6${}${}:20000::::::\n", mixed(16), mixed(86))),
        ("/usr/share/doc/crypt.txt", format!("$2b$12${}", "x".repeat(53))),
        ("/x", "aws configure set aws_secret_access_key from the role".to_owned()),
        ("/etc/postfix/sasl_passwd", "# [smtp.corp.net]:587 user:password\n".to_owned()),
        ("/etc/ppp/chap-secrets", "# Secrets for authentication using CHAP\n# client\tserver\tsecret\t\t\tIP addresses\n".to_owned()),
        ("/etc/ipsec.secrets", "# 10.0.0.1 : PSK \"secret\"\ninclude /var/lib/strongswan/ipsec.secrets.inc\n: RSA host.key\n".to_owned()),
        (
            "/etc/haproxy/haproxy.cfg",
            "  # stats auth admin:pulpit\n  stats auth \"${USER}:${PASS}\"\n  http-request auth realm x\n".to_owned(),
        ),
        ("/opt/tomcat/conf/server.xml", "<!-- <Connector keystorePass=\"changeit\"/> --><X password=\"${db.password}\"/>".to_owned()),
        ("/etc/fstab", "UUID=1 / ext4 defaults 0 1\n//nas/x /mnt cifs credentials=/root/.cifs,ro 0 0\n".to_owned()),
        (
            "/etc/systemd/system/x.service",
            "ExecStart=/x --password-file /run/pw1 --token ${TOKEN} --secret %d/key1 --no-pass 12345678\n".to_owned(),
        ),
        ("/etc/default/x", "BYPASS=10.0.0.1:8080/24\nCOMPASS=north\nPASS_MAX_DAYS=99999\nPWD=/srv/x1\n".to_owned()),
        ("/srv/README", "smtp_pass: Vq7pulpit94\n".to_owned()),
        ("/srv/blob", "\0\x01 smtp_pass: Vq7pulpit94\n".to_owned()),
        ("/opt/lara/.env", "DB_PASSWORD=\n\nBROADCAST_DRIVER=log\nMAIL_PASSWORD=\nMAIL_ENCRYPTION=tls\n".to_owned()),
        ("/srv/docker-compose.yml", "  DB_PASSWORD:\n  DB_HOST: db1\n".to_owned()),
        ("/root/.my.cnf", "password=\nuser=root\n".to_owned()),
        ("/root/.npmrc", "_authToken=\nregistry=https://r.internal\n".to_owned()),
        ("/etc/yum.repos.d/a.repo", "proxy_password=\nenabled=1\n".to_owned()),
        ("/etc/nslcd.conf", "bindpw\nssl start_tls\n".to_owned()),
        ("/etc/sssd/sssd.conf", "ldap_default_authtok =\nldap_id_use_start_tls = true\n".to_owned()),
        ("/etc/netplan/a.yaml", "password:\n  dhcp4: true\n".to_owned()),
        ("/etc/wpa_supplicant/w.conf", "psk=\nkey_mgmt=WPA-PSK\n".to_owned()),
        ("/etc/msmtprc", "password \nfrom me@corp.net\n".to_owned()),
        ("/etc/grafana/grafana.ini", "admin_password =\nsecret_key =\n[x]\n".to_owned()),
        ("/etc/redis/redis.conf", "requirepass \nport 6379\n".to_owned()),
        ("/etc/zabbix/zabbix_server.conf", "DBPassword=\nDBSocket=/run/x\n".to_owned()),
        ("/etc/freeradius/3.0/clients.conf", "secret =\nipaddr = 10.0.0.1\n".to_owned()),
        ("/etc/asterisk/sip.conf", "secret=\nallowguest=no\n".to_owned()),
        ("/opt/x.ini", "password=\nhost=db1.internal\n".to_owned()),
        ("/opt/x.properties", "db.password=\nserver.port=8080\n".to_owned()),
        ("/var/lib/dpkg/info/mariadb-server.postinst", "find $mysql_datadir ! -uid \"$(id -u mysql)\" -print0 | xargs\n".to_owned()),
        ("/opt/a.sh", "find /var/lib/mysql -print0\ntar -cf x -C /var/lib/mysql -pS .\ncp /etc/mysql -pRv x\n".to_owned()),
        ("/opt/a.sh", "docker run --name mysql -p3306:3306 mysql:8\ncurl -u https://a:443/x\nmysql -u root -p\n".to_owned()),
        ("/etc/fstab", "storageserver0001:/export/data /data nfs defaults 0 0\nhttps://dav.corp.net/x /mnt davfs rw,user 0 0\n".to_owned()),
        ("/etc/auto.misc", "x -ro productionserver1:/x\n".to_owned()),
        ("/etc/munin/munin-node.conf", "allow ^127\\.0\\.0\\.1$\nallow ^::1$\n".to_owned()),
        ("/etc/monit/monitrc", "allow fe80::1/64\nallow localhost\nallow @users\n".to_owned()),
        ("/opt/app/rules.php", "$rules = ['password' => 'required|min:8'];\n".to_owned()),
        ("/opt/app/a.yml", "password: \"@db.password1@\"\n".to_owned()),
        ("/etc/grub.d/40_custom", "# password root pulpit\nmenuentry 'password' {\n".to_owned()),
        ("/usr/bin/grub-mkpasswd-pbkdf2", "grub.pbkdf2.sha512.%d.%s.%s".to_owned()),
    ];
    let found = harmless.map(|(path, content)| (path, ids(path, content.as_bytes()), content));
    let wrong: Vec<_> = found.iter().filter(|(_, ids, _)| !ids.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        ids("/etc/ssl/certs/java/cacerts", &[[0xfe, 0xed, 0xfe, 0xed], [0, 0, 0, 2], [0, 0, 0, 1], [0, 0, 0, 2], [0; 4]].concat())
            .is_empty()
    );
}

#[test]
fn a_star_begins_a_comment_in_source_like_c_alone() {
    let found = |path: &str, line: &str| !ids(path, format!("x\n{line}\n").as_bytes()).is_empty();
    assert!(found("/etc/cron.d/z0", "* * * * * root curl -u a:Vq7-pulpit-94 https://x.corp.net"));
    assert!(found("/opt/c0.conf", "* PASSWORD=Vq7-pulpit-94"));
    assert!(found("/opt/notes.md", "* password: \"Vq7-pulpit-94\""));
    for path in ["/opt/a.js", "/opt/a.php", "/opt/a.JAVA"] {
        assert!(!found(path, " * password = \"Vq7-pulpit-94\"") && found(path, "password = \"Vq7-pulpit-94\""), "{path}");
    }
}

#[test]
fn an_aws_key_beside_its_id_is_found_whatever_they_are_called() {
    let (id, secret) = ("AKIAQ3EGRJ7LWXYZ2345", mixed(40));
    for content in [
        format!("k={id}\ns={secret}\n"),
        format!("key={id}\nvalue={secret}\n"),
        format!("{id}\ns={secret}\n"),
        format!("ACCESS={id}\nREGION=us-east-1\nSK={secret}\n"),
        format!("AWS_KEY={id}\nAWS_SECRET={secret}\n"),
        format!("id={id} secret={secret}"),
    ] {
        for path in ["/x", "/etc/app.conf"] {
            assert_eq!(ids(path, content.as_bytes()), ["aws-key-pair"], "{path}: {content}");
        }
    }
}

#[test]
fn keys_under_a_passphrase_are_worth_less() {
    let encrypted = [
        pem("ENCRYPTED PRIVATE KEY", "", &body(&[0x30])),
        pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", &body(&[])),
        pem("OPENSSH PRIVATE KEY", "", &body(b"openssh-key-v1\0\0\0\0\x0aaes256-ctr")),
        pem("PGP PRIVATE KEY BLOCK", "\n", &body(&[0x95, 1, 0x90, 4, 0, 0, 0, 0, 22, 1, 0x2b, 0, 8, 0xff, 254])),
        format!("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: aes256-cbc\nPrivate-Lines: 1\n{}\n", mixed(64)),
    ];
    for key in encrypted {
        let found = find(Path::new("/x"), key.as_bytes());
        assert_eq!(found.iter().map(Match::severity).collect::<Vec<_>>(), [Severity::Medium], "{key}");
    }
}

#[test]
fn weak_secrets_of_a_kind_hide_no_strong_one_among_them() {
    let weak = |number: usize| pem("ENCRYPTED PRIVATE KEY", "", &body(&[0x30, number as u8]));
    let strong = pem("PRIVATE KEY", "", &body(&[0x30, 0x82, 1, 0x90, 2, 1, 0]));
    let content = (0..20).map(weak).collect::<String>() + &strong;
    let found = find(Path::new("/x"), content.as_bytes());
    let told = |severity: Severity| found.iter().filter(|found| found.severity() == severity).count();
    assert_eq!((told(Severity::Medium), told(Severity::Critical)), (8, 1));
}

#[test]
fn a_secret_is_told_once_with_its_line_and_no_more_than_its_beginning() {
    let content = format!("one\ntwo {0}\n{0}\n", ["gh", "p_", "zQWBuTSOoRi4A9spHcVY5", "ncnsDkxkJ0mLq17"].concat());
    let found = find(Path::new("/x"), content.as_bytes());
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.line, found.range.clone()), (Some(2), 8..48));
    assert_eq!((found.fingerprint.beginning.as_str(), found.fingerprint.length_bytes), ("ghp_", 40));
    let debug = format!("{found:?} {}", found.fingerprint);
    assert!(!debug.contains("zQWB"));
}

#[test]
fn a_key_has_one_fingerprint_however_it_is_wrapped() {
    let key = pem("RSA PRIVATE KEY", "", &body(&[0x30, 0x82, 1, 0x90, 2, 1, 0]));
    let digest = |content: String| find(Path::new("/x"), content.as_bytes())[0].fingerprint.clone();
    assert_eq!(digest(key.clone()), digest(key.replace('\n', "\\n")));
    assert_eq!(digest(key.clone()), digest(key.replace('\n', "\n    ")));
}

#[test]
fn what_everybody_knows_is_no_secret() {
    let sample = [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ",
        "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    ];
    assert!(ids("/x", sample.join(".").as_bytes()).is_empty());
}

#[test]
fn a_file_full_of_keywords_is_given_up_and_said_to_be() {
    let keywords: Vec<&str> =
        RULES.rules.iter().filter(|rule| rule.everywhere()).flat_map(|rule| &rule.keywords).map(String::as_str).collect();
    let content = keywords.join(" ").repeat(3000).into_bytes();
    let mut found = Matches::default();
    Searcher::embedded().search(&scope("/x"), &Window::whole(&content), &mut found);
    assert!(found.fault().is_some());
}

fn scope(path: &str) -> FileScope {
    Searcher::embedded().scope(std::iter::once(Path::new(path)))
}

#[test]
fn configuration_is_searched_however_large_it_is_and_what_is_not_is_told() {
    let line = b"smtp_password = Vq7-pulpit-94\n".to_vec();
    let search = |padding_bytes: usize| {
        let scope = scope("/etc/app.conf");
        let mut buffer = Vec::new();
        let mut stream = Stream::new(&scope, &mut buffer);
        let padding = vec![b' '; 1 << 20];
        (0..padding_bytes >> 20).for_each(|_| stream.take(&padding));
        stream.take(&line);
        let found = stream.finish();
        (found.partial().is_some(), found.into_sorted().len())
    };
    assert_eq!(search(2 << 20), (false, 1));
    assert_eq!(search(16 << 20), (true, 0));
}

#[test]
fn a_content_is_searched_alike_in_whatever_pieces_it_comes() {
    let key = pem("PRIVATE KEY", "", &body(&[0x30, 0x82, 1, 0x90, 2, 1, 0]));
    let content = [vec![b' '; WINDOW_BYTES - 300], key.into_bytes(), vec![b' '; 2 * WINDOW_BYTES]].concat();
    let scope = scope("/x");
    for size in [61, 65_537, WINDOW_BYTES, content.len()] {
        let mut buffer = Vec::new();
        let mut stream = Stream::new(&scope, &mut buffer);
        content.chunks(size).for_each(|piece| stream.take(piece));
        assert_eq!(stream.finish().into_sorted().len(), 1, "{size}");
    }
}

/// Searches a content in windows of a size.
fn in_windows(path: &Path, content: &[u8], size: usize) -> Vec<Match> {
    let scope = Searcher::embedded().scope(std::iter::once(path));
    let mut found = Matches::default();
    let mut start = 0;
    loop {
        let end = content.len().min(start + size);
        let last = end == content.len();
        Searcher::embedded().search(&scope, &Window { offset_bytes: start as u64, bytes: &content[start..end], last }, &mut found);
        if last {
            return found.into_sorted();
        }
        start = end - OVERLAP_BYTES;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn windows_find_what_the_whole_holds(
        places in proptest::collection::vec((0_usize..250_000, any::<prop::sample::Index>()), 1..12),
        size in OVERLAP_BYTES + 1..150_000_usize,
    ) {
        let examples = examples();
        let path = Path::new("/opt/app/app.conf");
        let mut content = b"lorem ipsum dolor\n".repeat(250_000 / 18);
        for (place, example) in places {
            let (_, _, secret) = &examples[example.index(examples.len())];
            let place = place.min(content.len());
            content.splice(place..place, [b"\n".as_slice(), secret, b"\n"].concat());
        }
        let told = |found: Vec<Match>| found.into_iter().map(|found| (found.rule.id.clone(), found.range, found.fingerprint)).collect::<Vec<_>>();
        prop_assert_eq!(told(in_windows(path, &content, size)), told(find(path, &content)));
    }

    #[test]
    fn hostile_bytes_are_searched_without_a_panic(
        pieces in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            any::<prop::sample::Index>().prop_map(|index| {
                let keywords: Vec<&String> = RULES.rules.iter().flat_map(|rule| &rule.keywords).collect();
                keywords[index.index(keywords.len())].clone().into_bytes()
            }),
            any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(which, cut)| {
                let examples = examples();
                let content = &examples[which.index(examples.len())].2;
                content[..cut.index(content.len())].to_vec()
            }),
        ], 0..60),
        path in prop::sample::select(vec!["/x", "/etc/x.conf", "/root/.netrc", "/a.p12", "/k.keytab", "/srv/.env", "/root/.pgpass"]),
    ) {
        let content = pieces.concat();
        for found in find(Path::new(path), &content) {
            prop_assert!(found.range.end <= content.len() as u64);
        }
    }
}
