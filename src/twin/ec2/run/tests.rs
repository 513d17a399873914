use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::twin::ec2::testing::{Bench, run};
use crate::twin::machines::{Boot, ConsoleText, Ends, EndsHow, Machines, Script};

fn guest(how: EndsHow, after_seconds: u64) -> Machines {
    Machines::Scripted(Script {
        captures: BTreeMap::from([("nonce".to_owned(), "nonce=([0-9a-f]+)".to_owned())]),
        fetches: None,
        console: vec![ConsoleText { after_seconds: 2, text: "baked {nonce}\n".to_owned() }],
        files: vec![],
        removes: vec![],
        ends: Ends { how, after_seconds },
        boot: Boot::default(),
    })
}

fn user_data() -> String {
    STANDARD.encode("nonce=cafe")
}

async fn state(bench: &Bench, instance: &str) -> String {
    let described = bench.done("DescribeInstances", &[("InstanceId.1", instance)]).await;
    described.get("instanceState").split("<name>").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_instance_goes_through_its_life() {
    let bench = Bench::new();
    let base = bench.base().await;
    let instance = bench.run(&base, &[]).await;
    assert_eq!(state(&bench, &instance).await, "pending");
    bench.wait(5).await;
    assert_eq!(state(&bench, &instance).await, "running");
    let id = ("InstanceId.1", instance.as_str());
    bench.done("StopInstances", &[id]).await;
    assert_eq!(state(&bench, &instance).await, "stopping");
    assert_eq!(bench.refused("StartInstances", &[id]).await.0, "IncorrectInstanceState");
    bench.wait(10).await;
    assert_eq!(state(&bench, &instance).await, "stopped");
    bench.done("StartInstances", &[id]).await;
    bench.wait(5).await;
    let volume = bench.done("DescribeInstances", &[id]).await.get("volumeId");
    assert!(bench.twin.volume_path(&volume).exists());
    bench.done("TerminateInstances", &[id]).await;
    assert_eq!(state(&bench, &instance).await, "shutting-down");
    bench.wait(10).await;
    assert_eq!(state(&bench, &instance).await, "terminated");
    assert_eq!(bench.refused("DescribeVolumes", &[("VolumeId.1", &volume)]).await.0, "InvalidVolume.NotFound");
    assert!(!bench.twin.volume_path(&volume).exists());
    bench.wait(3600).await;
    assert_eq!(bench.refused("DescribeInstances", &[id]).await.0, "InvalidInstanceID.NotFound");
}

#[tokio::test]
async fn the_root_volume_is_as_asked_and_no_smaller_than_its_snapshot() {
    let bench = Bench::new();
    let base = bench.base().await;
    let device = ("BlockDeviceMapping.1.DeviceName", "/dev/xvda");
    let larger = [device, ("BlockDeviceMapping.1.Ebs.VolumeSize", "8"), ("BlockDeviceMapping.1.Ebs.VolumeType", "gp2")];
    let instance = bench.run(&base, &larger).await;
    let volume = bench.done("DescribeVolumes", &[("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", &instance)]).await;
    assert_eq!((volume.get("size"), volume.get("volumeType")), ("8".to_owned(), "gp2".to_owned()));
    assert_eq!(std::fs::metadata(bench.twin.volume_path(&volume.get("volumeId"))).unwrap().len(), 8 << 30);
    let none = [device, ("BlockDeviceMapping.1.Ebs.VolumeSize", "0")];
    assert_eq!(bench.refused("RunInstances", &[&run(&base), &none[..]].concat()).await.0, "InvalidBlockDeviceMapping");
}

#[tokio::test]
async fn a_client_token_makes_one_instance() {
    let bench = Bench::new();
    let base = bench.base().await;
    let token = [("ClientToken", "once")];
    let first = bench.run(&base, &token).await;
    assert_eq!(bench.run(&base, &token).await, first);
    let other = [&run(&base), &[("ClientToken", "once"), ("UserData", "YQ==")][..]].concat();
    assert_eq!(bench.refused("RunInstances", &other).await.0, "IdempotentParameterMismatch");
    bench.done("TerminateInstances", &[("InstanceId.1", &first)]).await;
    let again = [&run(&base), &token[..]].concat();
    assert_eq!(bench.refused("RunInstances", &again).await.0, "IdempotentInstanceTerminated");
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let bench = Bench::new();
    let base = bench.base().await;
    let long = STANDARD.encode(vec![b'x'; 16_385]);
    let refusals = [
        (("InstanceType", "t4g.small"), "InvalidParameterValue"),
        (("InstanceType", "t9.small"), "InvalidInstanceType"),
        (("InstanceType", "t2.small"), "InvalidParameterCombination"),
        (("ImageId", "ami-0123456789abcdef0"), "InvalidAMIID.NotFound"),
        (("MaxCount", "2"), "UnsupportedOperation"),
        (("UserData", &long), "InvalidParameterValue"),
        (("UserData", "%"), "InvalidUserData.Malformed"),
        (("SecurityGroupId.1", "sg-0123456789abcdef0"), "InvalidGroup.NotFound"),
        (("SubnetId", "subnet-0123456789abcdef0"), "InvalidSubnetID.NotFound"),
        (("KeyName", "mine"), "InvalidKeyPair.NotFound"),
        (("Monitoring.Enabled", "true"), "UnsupportedOperation"),
        (("DryRun", "true"), "DryRunOperation"),
    ];
    for (parameter, code) in refusals {
        let mut params = run(&base);
        params.retain(|(name, _)| *name != parameter.0);
        params.push(parameter);
        assert_eq!(bench.refused("RunInstances", &params).await.0, code, "{}", parameter.0);
    }
    assert!(bench.done("DescribeInstances", &[]).await.all("instanceId").is_empty());
    assert!(bench.done("DescribeVolumes", &[]).await.all("volumeId").is_empty());
}

#[tokio::test]
async fn metadata_tokens_tags_and_network_are_kept() {
    let bench = Bench::new();
    let base = bench.base().await;
    let group = bench.done("CreateSecurityGroup", &[("GroupName", "bake"), ("GroupDescription", "a bake")]).await.get("groupId");
    let instance = bench
        .run(
            &base,
            &[
                ("MetadataOptions.HttpTokens", "required"),
                ("MetadataOptions.HttpPutResponseHopLimit", "2"),
                ("NetworkInterface.1.DeviceIndex", "0"),
                ("NetworkInterface.1.AssociatePublicIpAddress", "false"),
                ("NetworkInterface.1.SecurityGroupId.1", &group),
                ("TagSpecification.1.ResourceType", "instance"),
                ("TagSpecification.1.Tag.1.Key", "bakehouse:run"),
                ("TagSpecification.1.Tag.1.Value", "r1"),
            ],
        )
        .await;
    let described = bench.done("DescribeInstances", &[("Filter.1.Name", "tag:bakehouse:run"), ("Filter.1.Value.1", "r1")]).await;
    assert_eq!(described.get("instanceId"), instance);
    assert_eq!((described.get("httpTokens"), described.get("httpPutResponseHopLimit")), ("required".to_owned(), "2".to_owned()));
    assert_eq!((described.get("groupId"), described.all("ipAddress").len()), (group.clone(), 0));
    assert_eq!(bench.refused("DeleteSecurityGroup", &[("GroupId", &group)]).await.0, "DependencyViolation");
    bench.done("TerminateInstances", &[("InstanceId.1", &instance)]).await;
    bench.wait(10).await;
    bench.done("DeleteSecurityGroup", &[("GroupId", &group)]).await;
}

#[tokio::test]
async fn a_guest_that_powers_off_stops_its_instance_and_leaves_its_console() {
    let bench = Bench::with(guest(EndsHow::PowerOff, 60));
    let base = bench.base().await;
    let instance = bench.run(&base, &[("UserData", &user_data())]).await;
    let id = ("InstanceId", instance.as_str());
    bench.wait(10).await;
    assert_eq!(state(&bench, &instance).await, "running");
    assert!(bench.done("GetConsoleOutput", &[id]).await.all("output").is_empty(), "nothing is posted yet");
    let live = bench.done("GetConsoleOutput", &[id, ("Latest", "true")]).await.get("output");
    assert_eq!(STANDARD.decode(live).unwrap(), b"baked cafe\n");
    bench.wait(60).await;
    let described = bench.done("DescribeInstances", &[("InstanceId.1", &instance)]).await;
    assert_eq!(state(&bench, &instance).await, "stopped");
    assert!(described.get("stateReason").contains("Client.InstanceInitiatedShutdown"));
    assert!(!bench.done("GetConsoleOutput", &[id]).await.get("output").is_empty());
}

#[tokio::test]
async fn a_guest_that_powers_off_ends_its_instance_when_so_asked() {
    let bench = Bench::with(guest(EndsHow::PowerOff, 60));
    let base = bench.base().await;
    let params = [("UserData", &*user_data()), ("InstanceInitiatedShutdownBehavior", "terminate")];
    let instance = bench.run(&base, &params).await;
    bench.wait(61).await;
    assert_eq!(state(&bench, &instance).await, "terminated");
    assert!(bench.done("DescribeVolumes", &[]).await.all("volumeId").is_empty());
}

#[tokio::test]
async fn a_hung_guest_is_switched_off_in_the_end() {
    let bench = Bench::with(guest(EndsHow::Hang, 0));
    let base = bench.base().await;
    let instance = bench.run(&base, &[("UserData", &user_data())]).await;
    bench.wait(10).await;
    bench.done("StopInstances", &[("InstanceId.1", &instance)]).await;
    bench.wait(300).await;
    assert_eq!(state(&bench, &instance).await, "stopping");
    bench.wait(400).await;
    assert_eq!(state(&bench, &instance).await, "stopped");
}

#[tokio::test]
async fn a_machine_that_cannot_be_started_leaves_nothing() {
    let bench = Bench::with(guest(EndsHow::PowerOff, 60));
    let base = bench.base().await;
    let other = STANDARD.encode("no such text");
    let refusal = bench.refused("RunInstances", &[run(&base), vec![("UserData", other.as_str())]].concat()).await;
    assert_eq!(refusal.0, "Server.InternalError");
    assert!(refusal.1.contains("nonce"), "{}", refusal.1);
    assert!(bench.done("DescribeInstances", &[]).await.all("instanceId").is_empty());
    assert_eq!(bench.twin.volume_path("").read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn an_instance_goes_on_in_the_next_process() {
    let bench = Bench::with(guest(EndsHow::PowerOff, 60));
    let base = bench.base().await;
    let instance = bench.run(&base, &[("UserData", &user_data())]).await;
    bench.wait(10).await;
    assert_eq!(state(&bench, &instance).await, "running");
    let bench = bench.reopened(guest(EndsHow::PowerOff, 60));
    assert_eq!(state(&bench, &instance).await, "running");
    bench.wait(60).await;
    assert_eq!(state(&bench, &instance).await, "stopped");
}

#[tokio::test]
async fn an_image_of_a_running_instance_reboots_it() {
    let bench = Bench::with(guest(EndsHow::PowerOff, 600));
    let base = bench.base().await;
    let instance = bench.run(&base, &[("UserData", &user_data())]).await;
    bench.wait(10).await;
    bench.done("CreateImage", &[("InstanceId", &instance), ("Name", "acme-web")]).await;
    assert_eq!(state(&bench, &instance).await, "running");
    let live = bench.done("GetConsoleOutput", &[("InstanceId", &instance), ("Latest", "true")]).await;
    assert!(live.all("output").is_empty(), "it has just booted again");
}
