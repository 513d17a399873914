"""EBS direct: disks go in and come out block by block, and nothing wrong goes in."""

from support import BLOCK_BYTES, Case, client, download, put_block, random_block, sha256, upload


class Disks(Case):
    def test_what_was_uploaded_comes_back(self):
        blocks = {0: random_block(0), 7: random_block(7), 2047: random_block(2047)}
        snapshot = upload(blocks)
        self.assertEqual(download(snapshot), blocks)
        told = client("ec2").describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
        self.assertEqual((told["VolumeSize"], told["Encrypted"], told["Description"]), (1, False, "conformance"))

    def test_only_what_differs_is_listed_as_changed(self):
        first = upload({0: random_block(0), 3: random_block(3)})
        second = upload({3: random_block(33), 9: random_block(9)}, ParentSnapshotId=first)
        self.assertEqual(download(second), {0: random_block(0), 3: random_block(33), 9: random_block(9)})
        ebs = client("ebs")
        answer = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second)
        self.assertEqual([block["BlockIndex"] for block in answer["ChangedBlocks"]], [3, 9])
        with self.refused("ValidationException", 400):
            ebs.list_changed_blocks(FirstSnapshotId=upload({0: random_block(0)}), SecondSnapshotId=second)

    def test_lists_come_in_pages(self):
        snapshot = upload({index: random_block(index) for index in range(0, 210, 2)})
        ebs = client("ebs")
        page = ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=100)
        self.assertEqual(len(page["Blocks"]), 100)
        rest = ebs.list_snapshot_blocks(SnapshotId=snapshot, NextToken=page["NextToken"])
        self.assertEqual([block["BlockIndex"] for block in rest["Blocks"]], [200, 202, 204, 206, 208])


class Refusals(Case):
    def test_a_wrong_checksum(self):
        ebs = client("ebs")
        snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        with self.refused("ValidationException", 400):
            put_block(ebs, snapshot, 0, random_block(0), checksum=sha256(b"something else"))

    def test_a_wrong_count_of_blocks(self):
        ebs = client("ebs")
        snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        put_block(ebs, snapshot, 0, random_block(0))
        with self.refused("ValidationException", 400):
            ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=2)

    def test_a_block_beyond_the_end(self):
        ebs = client("ebs")
        snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
        with self.refused("ValidationException", 400):
            put_block(ebs, snapshot, 1024**3 // BLOCK_BYTES, random_block(0))

    def test_a_token_used_again_with_other_parameters(self):
        ebs = client("ebs")
        first = ebs.start_snapshot(VolumeSize=1, ClientToken="once")["SnapshotId"]
        self.assertEqual(ebs.start_snapshot(VolumeSize=1, ClientToken="once")["SnapshotId"], first)
        with self.refused("ConflictException"):
            ebs.start_snapshot(VolumeSize=2, ClientToken="once")

    def test_a_snapshot_that_is_not_there(self):
        with self.refused("ResourceNotFoundException", 404):
            client("ebs").list_snapshot_blocks(SnapshotId="snap-00000000000000000")
