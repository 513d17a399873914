//! Ports that no buyer should find open to the whole internet.

/// Ports that reach the administration of an instance, or a database, and what answers there.
pub const GUARDED: &[(u16, &str)] = &[
    (22, "SSH"),
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2375, "Docker"),
    (3306, "MySQL"),
    (3389, "remote desktop"),
    (5432, "PostgreSQL"),
    (5900, "VNC"),
    (5985, "WinRM"),
    (5986, "WinRM"),
    (6379, "Redis"),
    (9200, "Elasticsearch"),
    (11211, "Memcached"),
    (27017, "MongoDB"),
];

/// Returns the first guarded port of a range, and what answers there.
pub fn guarded(from: u16, to: u16) -> Option<(u16, &'static str)> {
    GUARDED.iter().find(|(port, _)| (from..=to).contains(port)).copied()
}

/// Tells whether a range of addresses is everybody's.
pub fn is_anywhere(range: &str) -> bool {
    range.trim().ends_with("/0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guarded_ports_are_found_in_ranges() {
        assert_eq!(guarded(22, 22), Some((22, "SSH")));
        assert_eq!(guarded(5000, 5500), Some((5432, "PostgreSQL")));
        assert_eq!(guarded(80, 443), None);
        assert_eq!(guarded(443, 80), None);
    }

    #[test]
    fn everybody_is_told_from_some() {
        assert!(is_anywhere("0.0.0.0/0") && is_anywhere("::/0"));
        assert!(!is_anywhere("10.0.0.0/8") && !is_anywhere("0.0.0.0/10"));
    }
}
