//! What people write in programs, scripts and notes: passwords that must be found, and what stands in their place that must
//! not be.
//!
//! Passwords are made up; where a line would look like a real one to other scanners, it is one to them too.

use std::path::Path;

use super::find;

/// Ed25519 in PKCS#8, of bytes that nobody uses.
pub(super) const PKCS8: [u8; 48] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20, 0xf1, 2, 0xbf, 0x1b, 0xdb, 0x4d, 0x98, 0x5f, 8, 0x6b, 0x33,
    0x3a, 0x7f, 0x5c, 0xaa, 0xc3, 0x17, 0x9b, 0xf3, 0x32, 0xc3, 0xdd, 0x1d, 0x9d, 0x70, 0xba, 0x91, 0xc4, 0xd8, 2, 0x82, 0x58,
];

/// A primary key (Ed25519, to certify alone) as `gpg --export-secret-keys` writes it; of keys that nobody uses, in hexadecimal.
const PRIMARY: &str = "\
    9458046b0a9f0616092b06010401da470f01010740f23fdfb74b1c6ef5be73db23a86017112dae252d7f648560c76e6c1841ffaf800000fb07ab6659\
    7d0419fffa9d5df2cd57024b44343fec4c9d41235360611a22dc175c0deb\
";

/// The same as `gpg --export-secret-subkeys` writes it: without its secret part.
const PRIMARY_ELSEWHERE: &str =
    "943b046b0a9f0616092b06010401da470f01010740f23fdfb74b1c6ef5be73db23a86017112dae252d7f648560c76e6c1841ffaf80ff006500474e5501";

const USER_ID: &str = "b40961203c6140622e633e";

/// A subkey (X25519, to encrypt).
const SUBKEY: &str = "\
    9c5d046b0a9f06120a2b060104019755010501010740de636f62253c52ea1107b19767994236aa5bb498c1e69b54d7a13223f4297d08030108070000\
    ff4ef0b73994d025a95da5a221e94adbb5a97f41a2e60f3b6c58d831e2c971238011ae\
";

/// The beginning of a protected key (RSA of 2048 bits).
const PROTECTED: &str = "\
    9503c6046b0a9f06010800d5b6aaeba98242b66eb03e8dbf4e517a38e218dddbf3383aecd17225576587f6f3fb1ee55078e82ad3c2dcaa441a9a7207\
    78b24c989c87c7a38a267061333da59d74a517074141617530d8f96ab7adad3c35442b1397c9a858bfaf6ef3815ced23ac7e81953a8c68ed6d11ea0e\
    e034aab1c7d32271c1b00668791c15e65d104cb4c66ce02dd37a58f46f3ed4bfb2a555fcd075fb0307ae2abb6a5fcd4cd3c006f439e07a166338860e\
    ed0fa3921cdb7f7d08c6c4de769e1ef0bb9178c941001cd66a5f080592e0b43f4117b212cbdd9d85435758b2025cb4e39ef26b63a6e4b44dfbc10895\
    51ce94779e49e1e8f950fa04c37f915bb4eac84296ffcb5b1f5fef0011010001fe07030255c56628e054c37affe33bfaf8611b3698209f81390436db\
    3287f9dda657a8deb37358c8cc3a28f8b2cfbda1\
";

/// An export of a primary key and a subkey; of the subkey alone.
pub(super) fn open_pgp(subkey_alone: bool) -> Vec<u8> {
    hex::decode([if subkey_alone { PRIMARY_ELSEWHERE } else { PRIMARY }, USER_ID, SUBKEY].concat()).unwrap()
}

const TOKEN: &str = "kX9vQ2mPz7LrT4wYb1NcJ8hFd5GsA0eU";

fn ids(path: &str, content: &[u8]) -> Vec<String> {
    find(Path::new(path), content).into_iter().map(|found| found.rule.id.clone()).collect()
}

#[test]
fn passwords_in_programs_scripts_and_notes_are_found() {
    let lines = [
        ("/opt/app/db.py", "DB_PASSWORD = \"Vq7-pulpit-94\"", "quoted-password"),
        ("/opt/app/db.py", "    password: str = 'Vq7-pulpit-94'", "quoted-password"),
        ("/opt/app/db.py", "connect(host='db', password='Vq7-pulpit-94')", "quoted-password"),
        ("/opt/app/db.py", "config['password'] = 'Vq7-pulpit-94'", "quoted-password"),
        ("/opt/app/db.rb", "  :password => 'Vq7-pulpit-94',", "quoted-password"),
        ("/opt/app/db.js", "const dbPassword = 'Vq7-pulpit-94';", "quoted-password"),
        ("/opt/app/db.ts", "  \"adminPwd\": \"Vq7-pulpit-94\",", "quoted-password"),
        ("/opt/app/db.go", "const dbPassword string = \"Vq7-pulpit-94\"", "quoted-password"),
        ("/opt/app/db.go", "if password == \"Vq7-pulpit-94\" {", "quoted-password"),
        ("/srv/www/config.php", "define('DB_PASSWORD', 'Vq7-pulpit-94');", "quoted-password"),
        ("/srv/www/config.php", "$db['db_pass'] = 'Vq7-pulpit-94';", "quoted-password"),
        ("/opt/app/app.yml", "  password: Vq7-pulpit-94", "assigned-password"),
        ("/root/notes.txt", "password: Vq7-pulpit-94", "assigned-password"),
        ("/srv/app/.env.production", "DB_PASSWORD=Vq7-pulpit", "environment-password"),
        ("/srv/app/.envrc", "export DB_PASSWORD=Vq7-pulpit", "environment-password"),
        ("/opt/app/x.py", "api_key = '~~'", "quoted-secret"),
        ("/opt/app/x.js", "headers: { 'Authorization': 'Bearer ~~' }", "authorization-header"),
        ("/opt/app/x.sh", "curl -H \"Authorization: Bearer ~~\" https://api.internal/", "authorization-header"),
        ("/opt/app/x.sh", "curl --header 'PRIVATE-TOKEN: ~~' https://git.internal/", "authorization-header"),
        ("/opt/app/x.py", "engine('postgres://u:Vq7-pulpit@h/db')", "database-url"),
        ("/opt/app/x.py", "'mysql://u:Vq7-pulpit@h/db'", "database-url"),
        ("/opt/app/x.js", "'mongodb+srv://u:Vq7-pulpit@h/db'", "database-url"),
        ("/opt/app/x.yml", "redis://:Vq7-pulpit@h:6379/0", "database-url"),
        ("/opt/app/x.yml", "amqp://u:Vq7-pulpit@h", "database-url"),
        ("/opt/app/x.sh", "git clone https://deploy:Vq7-pulpit@git.internal/a.git", "url-password"),
        ("/opt/app/x.sh", "export HTTPS_PROXY=http://me:Vq7-pulpit@proxy.internal:3128", "url-password"),
        ("/root/.bash_history", "mysql -u root -pVq7-pulpit shop", "command-password"),
        ("/root/.bash_history", "mysqldump --password='Vq7-pulpit' shop | gzip", "command-password"),
        ("/root/.bash_history", "mysql -e \"CREATE USER 'a'@'%' IDENTIFIED BY 'Vq7-pulpit'\"", "command-password"),
        ("/root/.bash_history", "curl -s -u admin:Vq7-pulpit https://nexus.internal/", "command-password"),
        ("/root/.bash_history", "curl --user 'admin:Vq7-pulpit' https://nexus.internal/", "command-password"),
        ("/root/.bash_history", "wget --user=me --password=Vq7-pulpit https://x.internal/", "command-password"),
        ("/root/.bash_history", "sshpass -p 'Vq7-pulpit' ssh a@b", "command-password"),
        ("/root/.bash_history", "PGPASSWORD=Vq7-pulpit psql -h db", "command-password"),
        ("/root/.bash_history", "docker login -u me -p Vq7-pulpit r.internal", "command-password"),
        ("/root/.bash_history", "openssl rsa -in k.pem -passin pass:Vq7-pulpit", "command-password"),
        ("/root/.bash_history", "redis-cli -h r -a Vq7-pulpit ping", "command-password"),
        ("/root/.bash_history", "echo 'root:Vq7-pulpit' | sudo chpasswd", "account-password"),
        ("/etc/init.sql", "CREATE ROLE a LOGIN ENCRYPTED PASSWORD 'Vq7-pulpit'", "command-password"),
        ("/etc/cron.d/x", "0 1 * * * root mysqldump -pVq7-pulpit a > /b", "command-password"),
        ("/usr/local/bin/backup", "#!/bin/bash\nmysqldump -pVq7-pulpit a", "command-password"),
        ("/usr/local/bin/backup", "#!/usr/bin/env bash\nSMTP_PASSWORD=Vq7-pulpit-94", "assigned-password"),
        ("/usr/local/bin/report", "#!/usr/bin/env python3\nPASSWORD = 'Vq7-pulpit-94'", "quoted-password"),
        ("/home/test/run.sh", "PGPASSWORD=Vq7-pulpit psql", "command-password"),
    ];
    for (path, line, rule) in lines {
        let content = line.replace("~~", TOKEN);
        assert_eq!(ids(path, content.as_bytes()), [rule], "{path}: {line}");
    }
}

#[test]
fn what_stands_in_a_passwords_place_is_none() {
    let programs = [
        "password = os.environ['DB_PASSWORD1']",
        "password = os.environ.get(\"DB_PASSWORD\", \"\")",
        "password: process.env.DB_PASSWORD1,",
        "password = \"${DB_PASSWORD1}\"",
        "password = '{{ db_password1 }}'",
        "password = \"#{ENV['X1']}\"",
        "password = '%s-1'",
        "password = \"<your password 1>\"",
        "password = f\"{prefix}1-abc\"",
        "password = 'changeme123'",
        "password = 'password123'",
        "password_field = 'user_password_2'",
        "PASSWORD_HELP = 'Enter 8 characters or more'",
        "password = '/run/secrets/db1'",
        "<input type=\"password\" name='pw1234'>",
        "# password = 'Vq7-pulpit-94'",
        "// password = 'Vq7-pulpit-94'",
        "password = None",
        "password = getpass('Password 1: ')",
        "getenv('DB_PASSWORD', 'unset')",
        "token = \"client_credentials_grant\"",
        "secret = 'projects/x/secrets/y/versions'",
        "Authorization: Bearer $TOKEN_OF_THE_SERVICE_1",
        "'Authorization': 'Bearer ' + token",
        "Authorization: Bearer <token>",
        "url = 'https://user:password@host/'",
        "url = 'https://me:Vq7-pulpit@example.com/'",
        "url = 'https://me:Vq7-pulpit@git.example.org/x'",
        "url = 'postgres://me:Vq7-pulpit@db.example.com/x'",
        "url = 'https://%s:%s@%s/'",
        "url = \"https://#{user}:#{password}@host/\"",
        "url = 'https://me:$PASS@git.internal/'",
        "url = 'https://me:${PASS}@git.internal/'",
        "url = 'https://me:<password>@git.internal/'",
        "see http://host:8080/a@b and mailto:x@y",
        "mysql -u root -p shop",
        "mysql -u root -p\"$PASS\" shop",
        "mysql -u root -p${PASS} shop",
        "mysql -u root -p$(cat /run/pw)",
        "mysql -u root --password=`cat /run/pw`",
        "mysql --port=3306 --protocol=tcp",
        "mysqldump -psecret a",
        "curl -u user:password https://x",
        "curl -u \"$USER:$PASS\" https://x",
        "curl -u me https://x",
        "sshpass -e ssh a@b",
        "sshpass -p \"$PASS\" ssh a@b",
        "PGPASSWORD=$PW psql",
        "PGPASSWORD=\"${PW}\" psql",
        "docker login -u me --password-stdin",
        "docker login -u me -p $TOKEN",
        "openssl rsa -passin env:PW -passout file:/run/pw",
        "openssl rsa -passin pass:$PW",
        "echo \"root:$PW\" | chpasswd",
        "IDENTIFIED BY '$PW'",
        "IDENTIFIED BY 'password'",
        "the token stands in the file that is called token-2024-11-27.txt",
    ];
    // In configuration, this would be a password that somebody chose.
    for line in ["'password': 'sha256_password'", "'password': 'step2.confirm'"] {
        assert_eq!(ids("/opt/app/x.py", line.as_bytes()), Vec::<String>::new(), "{line}");
    }
    for line in programs {
        for path in ["/opt/app/x.py", "/opt/app/x.js", "/opt/app/x.sh", "/root/notes.txt"] {
            assert_eq!(ids(path, line.as_bytes()), Vec::<String>::new(), "{path}: {line}");
        }
    }
}

#[test]
fn what_a_program_says_of_a_password_is_found_and_of_passwords_is_not() {
    for line in [
        "The temporary password is Vq7pulpit94",
        "A temporary password is set to\tVq7pulpit94",
        "Initial admin password is: Vq7pulpit94",
        "The generated password for the elastic built-in superuser is : Vq7pulpit94",
        "[Note] A temporary password is generated for root@localhost: Vq7;pulpit(94",
        "the root password was Vq7pulpit94",
    ] {
        assert_eq!(ids("/var/log/app.log", format!("{line}\n").as_bytes()), ["logged-password"], "{line}");
    }
    for line in [
        "the root password is required",
        "The admin password was successfully changed",
        "Initial admin password is incorrect.",
        "a random password is generated for each instance",
        "The temporary password is valid for 7 days",
        "root password was set to expire",
        "the admin password is configured in admin.password",
    ] {
        assert_eq!(ids("/var/log/app.log", format!("{line}\n").as_bytes()), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_line_is_told_by_its_beginning_however_far_before_the_password_it_is() {
    let fields: String = (1..15).map(|number| format!("field{number}=value-{number}, ")).collect();
    for line in [
        format!("opened ConnectionConfig({fields}password=hidden-by-mask-1)"),
        format!("[PoolSettings{{{fields}password=db-cred-v2}}, next=1]"),
        format!("# {fields}password=Xk9vB2qLm01"),
    ] {
        assert_eq!(ids("/opt/app/a.log", format!("{line}\n").as_bytes()), Vec::<String>::new(), "{line}");
    }
    for length in 0..200 {
        let line = format!("{}{};password=Xk9vB2qLm01\n", "x=1;".repeat(100), "y".repeat(length));
        assert_eq!(ids("/opt/app/f.conf", line.as_bytes()), ["assigned-password"], "{length}");
    }
    // How a very long line begins isn't known.
    assert_eq!(ids("/opt/app/f.conf", format!("{};password=Xk9vB2qLm01\n", "#".repeat(5000)).as_bytes()), ["assigned-password"]);
}

#[test]
fn a_password_without_quotes_may_have_brackets_and_dollars_and_an_expression_is_none() {
    for value in ["Xk9$vB(2]qLm", "Xk9(vB2q", "Xk9}v)B2q", "Vq7[pulpit-94", "Pa$$w0rd-1", "Vq7-pulpit(94)", "]Xk9vB2q$", "Vq7-pulpit{9"] {
        for (path, line) in [
            ("/opt/app/app.conf", format!("db.password={value}\n")),
            ("/opt/app/db.properties", format!("db.password = {value}\r\nx=1\n")),
            ("/opt/app/config.yml", format!("  password: {value}  # (never)\n")),
            ("/etc/default/app", format!("X=(1)\nexport DB_PASSWORD={value}; Y=(2)\n")),
        ] {
            assert_eq!(ids(path, line.as_bytes()), ["assigned-password"], "{path}: {line}");
        }
        for (path, line) in [("/srv/.env", format!("DB_PASSWORD={value}\n")), ("/srv/compose.yml", format!("  DB_PASSWORD: {value}\n"))] {
            assert_eq!(ids(path, line.as_bytes()), ["environment-password"], "{path}: {line}");
        }
    }
    for line in [
        "password=${DB_PASSWORD1}",
        "password=${DB_PASSWORD1:-Vq7pulpit94}",
        "url=https://me:${PASSWORD:-Vq7pulpit94}@h/",
        "password=$(cat /run/pw1)",
        "password=pre1-$(pass show db1)",
        "password={{ db_password1 }}",
        "password=pre1-{{db_password1}}",
        "password=pre1-{db_password1}",
        "password={db_password1}",
        "password={SSHA512}kX9vQ2mPz7LrT4w",
        "password=%(db_password1)s",
        "password=pre1-%(db_password1)s",
        "password=<%= db_password1 %>",
        "password=pre1-<%= db_password1 %>",
        "password=$DB_PASSWORD1",
        "password=pre1-$DB_PASSWORD1",
        "password=user1$i",
        "password=getenv(DB_PASSWORD1)",
        "password=System.getenv(\"DB_PASSWORD1\")",
        "password=os.environ[DB_PASSWORD1]",
        "password=os.environ['DB_PASSWORD1']",
        "password=cfg.db1(x)",
        "password=cfg.db1(x, y)",
        "password = sha256(salt + 'x')",
        "password = substr1(password, 8)",
        "password = secrets_1(",
        "password = random_password.db1[0].result",
        "password: [db1, db2]",
        "password: [db1db2]",
        "password={db1:db2}",
        "connect(host=h1, password=pulpit94)",
        "    password=pulpit94)",
        "{user: me, password: pulpit94}",
        "User{name=me, password=Vq7pulpit94}",
        "(the password: Vq7pulpit94)",
        "grok /password=\\d{6}(x1)?/",
        "password=ENC(kX9vQ2mPz7LrT4wYb1NcJ8hF)",
        "password: pbkdf2$600000$kX9vQ2mPz7LrT4w$YbNcJ8hFd5GsA0eU",
    ] {
        for path in ["/opt/app/app.conf", "/opt/app/app.properties", "/opt/app/a.yml", "/opt/app/a.sh", "/root/notes.txt"] {
            assert_eq!(ids(path, format!("x\n{line}\n").as_bytes()), Vec::<String>::new(), "{path}: {line}");
        }
    }
}

#[test]
fn libraries_manuals_tests_and_examples_are_not_searched_for_what_only_looks_like_a_password() {
    let content = "DB_PASSWORD = \"Vq7-pulpit-94\"\nmysql -pVq7-pulpit\nhttps://me:Vq7-pulpit@git.internal/\n";
    for path in [
        "/usr/lib/python3.13/urllib/request.py",
        "/usr/local/lib/python3.13/site-packages/requests/auth.py",
        "/opt/app/node_modules/pg/lib/index.js",
        "/usr/local/go/src/net/url/url_test.go",
        "/opt/app/vendor/x/y.go",
        "/opt/app/tests/test_login.py",
        "/opt/app/src/login.spec.ts",
        "/opt/app/examples/a.py",
        "/usr/share/doc/mysql/a.py",
        "/usr/local/share/man/man1/mysql.1",
        "/opt/app/README",
    ] {
        assert_eq!(ids(path, content.as_bytes()), Vec::<String>::new(), "{path}");
    }
    // A name without an ending says nothing: a program is none by its content, and text is text.
    let program = [b"\x7fELF\x02\x01\x01\0".as_slice(), content.as_bytes()].concat();
    assert_eq!(ids("/opt/app/bin/program", &program), Vec::<String>::new());
    assert_eq!(ids("/opt/app/bin/program", content.as_bytes()), ["assigned-password", "command-password", "url-password"]);
    // What has a form of its own is found there too, and weighs less.
    let token = ["gh", "p_", "zQWBuTSOoRi4A9spHcVY5", "ncnsDkxkJ0mLq17"].concat();
    assert_eq!(ids("/opt/app/tests/test_login.py", token.as_bytes()), ["github-token"]);
}

/// An element of DER of less than 64 KiB.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

#[test]
fn private_keys_in_der_are_told_by_their_structure() {
    let number = |length: usize| der(2, &vec![0x5a; length]);
    let rsa = der(0x30, &[vec![2, 1, 0], number(257), vec![2, 3, 1, 0, 1], number(256), number(129)].concat());
    let sec1 = der(0x30, &[&[2, 1, 1, 4, 32][..], &[0x5a; 32], &[0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]].concat());
    let algorithm = der(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    let pkcs8 = der(0x30, &[vec![2, 1, 0], algorithm.clone(), der(4, &rsa)].concat());
    let large = der(0x30, &[vec![2, 1, 0], algorithm.clone(), der(4, &vec![0x5a; 9000])].concat());
    let pbes2 = der(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13, 0x30, 0]);
    let locked = der(0x30, &[pbes2, der(4, &[0x5a; 64])].concat());
    for (name, key) in [("pkcs1", &rsa), ("sec1", &sec1), ("pkcs8", &pkcs8), ("large", &large), ("ed25519", &PKCS8.to_vec())] {
        let found = find(Path::new("/opt/app/key"), key);
        assert_eq!(found.iter().map(|found| found.severity().to_string()).collect::<Vec<_>>(), ["critical"], "{name}");
    }
    assert_eq!(find(Path::new("/opt/app/key"), &locked)[0].severity().to_string(), "medium");
    let public = der(0x30, &[algorithm, der(3, &rsa)].concat());
    let certificate = der(0x30, &[der(0x30, &[0xa0, 3, 2, 1, 2]), vec![0x30, 0], der(3, &[0; 99])].concat());
    let bytes_after = [rsa.as_slice(), b"more"].concat();
    let huge = der(0x30, &[vec![2, 1, 0], number(257), vec![2, 3, 1, 0, 1], number(30_000)].concat());
    for (name, other) in [("public", public), ("certificate", certificate), ("after", bytes_after), ("huge", huge)] {
        assert!(ids("/opt/app/key", &other).is_empty(), "{name}");
    }
    for end in 0..PKCS8.len() {
        ids("/k", &PKCS8[..end]);
    }
}

#[test]
fn openpgp_keys_are_told_by_their_packets() {
    let severities =
        |content: &[u8]| find(Path::new("/root/backup"), content).iter().map(|found| found.severity().to_string()).collect::<Vec<_>>();
    let decoded = |text: &str| hex::decode(text).unwrap();
    assert_eq!(severities(&open_pgp(false)), ["critical"]);
    assert_eq!(severities(&open_pgp(true)), ["critical"], "of the subkey");
    assert_eq!(severities(&decoded(SUBKEY)), ["critical"], "by itself");
    let protected = decoded(PROTECTED);
    assert_eq!(severities(&protected), ["medium"]);
    let two = [decoded(PRIMARY_ELSEWHERE), decoded(USER_ID), protected].concat();
    assert_eq!(severities(&two), ["medium"]);
    // The same packet with a length of the newer form, and a key of version 6.
    let body = &decoded(PRIMARY)[2..];
    assert_eq!(severities(&[&[0xc5, body.len() as u8], body].concat()), ["critical"]);
    let version_6 = [&[0xc5, 75, 6, 0x6b, 0x0a, 0x9f, 6, 27, 0, 0, 0, 32][..], &[0x5a; 32], &[0], &[0xa5; 32]].concat();
    assert_eq!(severities(&version_6), ["critical"]);

    let elsewhere = decoded(&[PRIMARY_ELSEWHERE, USER_ID].concat());
    let public = [&[0x98, body.len() as u8], body].concat();
    let other_version = [&[0x94, 88, 9], &body[1..]].concat();
    let other_number = [&[0x94, 88], &body[..17], &[1, 9], &body[19..]].concat();
    for (name, content) in [("elsewhere", elsewhere), ("public", public), ("version", other_version), ("number", other_number)] {
        assert_eq!(severities(&content), Vec::<String>::new(), "{name}");
    }
    let whole = open_pgp(false);
    for end in 0..whole.len() {
        severities(&whole[..end]);
    }
}

#[test]
fn passwords_in_xml_are_found_and_what_stands_in_their_place_is_not() {
    for (line, rule) in [
        ("<password>hunter2secret</password>", "xml-password"),
        ("<db:adminPassword type=\"text\">\n  hunter2secret\n</db:adminPassword>", "xml-password"),
        ("<keyPassphrase><![CDATA[Vq7-<pulpit>]]></keyPassphrase>", "xml-password"),
        ("<property name=\"hibernate.connection.password\">Vq7-pulpit</property>", "xml-password"),
        ("<property name=\"password\" value=\"Vq7-pulpit\"/>", "xml-password"),
        ("<property value=\"Vq7-pulpit\" name=\"password\"/>", "xml-password"),
        ("<add value='Vq7-pulpit' key='SmtpPassword' />", "xml-password"),
        ("<add key='SmtpPassword' value='Vq7-pulpit' />", "xml-password"),
        ("<property><name>fs.password</name>\n<value>Vq7-pulpit</value></property>", "xml-password"),
        ("<Resource name=\"jdbc/x\" username=\"app\" password=\"hunter2secret\"/>", "java-server-password"),
        ("<add name=\"x\" connectionString=\"Server=db;User Id=app;Password=Vq7-pulpit\"/>", "assigned-password"),
    ] {
        assert_eq!(ids("/opt/app/conf/server.xml", line.as_bytes()), [rule], "{line}");
    }
    for line in [
        "<password>${db.password1}</password>",
        "<password>@db.password1@</password>",
        "<password>changeit</password>",
        "<password>changeme123</password>",
        "<password>password1</password>",
        "<password></password><user>Vq7-pulpit</user>",
        "<password>{COQLCE6DU6GtcS5P=}</password>",
        "<!-- <password>Vq7-pulpit</password> -->",
        "<passwordFile>/run/secrets/db1</passwordFile>",
        "<password>/run/secrets/db1</password>",
        "<string name=\"enter_password\">Enter at least 8 characters</string>",
        "<property name=\"password\" value=\"${db.password1}\"/>",
        "<property value=\"${db.password1}\" name=\"password\"/>",
        "<property value=\"between-8-and-64\" name=\"passwordLength\"/>",
        "<property value=\"Vq7-pulpit\" name=\"title\"/><property name=\"password\"/>",
        "<property name=\"passwordLength\" value=\"between-8-and-64\"/>",
        "<Resource password=\"${db.password1}\"/>",
        "<input type=\"password\" name=\"pw-1234\"/>",
    ] {
        assert_eq!(ids("/opt/app/conf/server.xml", line.as_bytes()), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn an_interpreters_own_test_keys_count_less_and_say_so() {
    let weight = |path: &str| find(Path::new(path), &PKCS8)[0].severity().to_string();
    for path in [
        "/usr/local/lib/python3.13/test/certdata/keycert.der",
        "/root/.pyenv/versions/3.13.1/lib/python3.13/test/certdata/k",
        "/usr/local/go/src/crypto/tls/testdata/example-key",
        "/usr/src/openssl-3.5.1/test/certs/k.der",
        "/usr/src/openssl-3.5.1/demos/k.der",
        "/usr/local/src/node-v22/test/fixtures/keys/k.der",
        "/usr/local/lib/ruby/3.4.0/test/openssl/k.der",
    ] {
        assert_eq!(weight(path), "low", "{path}");
    }
    for path in ["/usr/local/lib/python3.13/site.der", "/srv/test/k.der", "/usr/local/etc/tests.der", "/root/go/src/app/k.der"] {
        assert_eq!(weight(path), "critical", "{path}");
    }
}
