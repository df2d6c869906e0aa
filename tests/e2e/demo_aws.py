"""The AWS chapter of the demo: the AWS CLI and boto3, unmodified, and an account that only the gateway has keys of."""
import re

from aws_peers import Cli
from aws_sdks import AwsError
from aws_world import World
from demo_story import short


def tell_aws(story):
    world = World()
    try:
        tell(story, world)
    finally:
        world.close()


def tell(story, world):
    aws, boto, seen = Cli(world.keys, world.url), world.boto, world.account.seen

    def command(*arguments):
        story.agent("aws " + " ".join(arguments))
        code, out, error = aws(*arguments, check=None)
        story.answer(" ".join((out + error).split()) or "(nothing)")
        return code, error

    def call(service, operation, **given):
        story.agent(f"boto3: {service} {operation} {', '.join(f'{name}={value!r}' for name, value in given.items())}")
        try:
            boto(service, operation, **given)
        except AwsError as error:
            story.answer(f"{error.code}: {error.message}")
            return error.message
        story.answer("done")
        return ""

    story.step("aws: the agent's token is its AWS key; ordinary tools sign with it, and to the account itself it means nothing")
    story.human(f"token seal --aws {short(world.delegable)}", "\n".join(f"export {name}={value[:20]}…" for name, value in world.keys.items()))
    world.direct("s3", "PutObject", Bucket="orders", Key="invoices/1", Body=b"42")
    code, _ = command("s3", "ls", "s3://orders/invoices/")
    story.check(code == 0, "reading production is allowed; the gateway signed again with the account's own key")
    try:
        boto("s3", "ListBuckets", endpoint=world.account.url)
        story.check(False, "the account took the agent's key")
    except AwsError:
        story.check(len(world.account.refused) == 1, "past the gateway, the same key is refused by the account")

    story.step("aws: it changes and empties a staging bucket: allowed")
    done = [call("s3", "PutObject", Bucket="staging", Key="plan", Body=b"step one"), call("dynamodb", "PutItem", TableName="staging", Item={"k": {"S": "1"}}),
            call("s3", "DeleteObjects", Bucket="staging", Delete={"Objects": [{"Key": "plan"}]})]
    story.check(not any(done) and "Contents" not in world.direct("s3", "ListObjectsV2", Bucket="staging"), "all three reached the account")

    story.step("aws: it puts an object of production: held, shown, approved, carried out once")
    prices = world.folder / "prices.json"
    prices.write_text('{"espresso": 3}')
    put = ("s3api", "put-object", "--bucket", "orders", "--key", "prices.json", "--body", str(prices))
    code, error = command(*put)
    held = re.search(r"req_[a-z0-9]+", error)
    story.check(code != 0 and held and "approval.pending" in error, "an error of AWS's own kind, which no SDK tries again, says where people decide")
    held = held[0]
    story.human(f"request show {held}", world.gateway.cli("request", "show", held, token=world.sam, check=0)[1])
    story.human(f'approve {held} --reason "CHG-418"', world.gateway.cli("approve", held, "--reason", "CHG-418", token=world.sam, check=0)[1])
    world.finished(held)
    story.check(world.content("orders", "prices.json") == prices.read_bytes(), "the gateway sent its stored copy, signed afresh")
    before = len(seen)
    code, _ = command(*put)
    story.check(code == 0 and len(seen) == before, "the agent's identical retry receives the answer; nothing ran twice")

    story.step("aws: it wipes the production bucket and a table: refused by the floor, by whatever route")
    before = len([request for request in seen if request.method != "GET"])
    _, error = command("s3", "rb", "--force", "s3://orders")
    rules = {"Rules": [{"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    routes = [error, call("s3", "DeleteObjects", Bucket="orders", Delete={"Objects": [{"Key": "prices.json"}]}),
              call("s3", "PutBucketLifecycleConfiguration", Bucket="orders", LifecycleConfiguration=rules),
              call("dynamodb", "ExecuteStatement", Statement="DELETE FROM \"orders\" WHERE k='1'"),
              call("dynamodb", "DeleteTable", TableName="orders")]
    story.check(all("policy.floor" in said for said in routes) and len([request for request in seen if request.method != "GET"]) == before,
                "not one of the five reached the account")
