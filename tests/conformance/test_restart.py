"""What the twin holds outlives its process."""

from support import Case, client, download, random_block, register, server, upload


class Restart(Case):
    def test_all_is_there_after_a_restart(self):
        snapshot = upload({5: random_block("restart")})
        image = register("conformance restart", snapshot)
        identity = client("sts").get_caller_identity()
        self.assertIn(server().stop(), (0, 130))
        server().start()
        self.assertEqual(client("sts").get_caller_identity()["Arn"], identity["Arn"])
        self.assertEqual(client("ec2").describe_images(ImageIds=[image])["Images"][0]["State"], "available")
        self.assertEqual(download(snapshot), {5: random_block("restart")})
