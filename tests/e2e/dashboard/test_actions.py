"""What one does to the pipeline from `/`: dead letters looked at and let go, replays, generations."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.async_api import Page, expect

from postpulse import events
from postpulse.topics import POSTS
from tests.e2e.dashboard.conftest import Server, check_access
from tests.integration.dead_letters import letter_of, letters_in, send_letters
from tests.pipeline import Pipeline
from tests.waiting import until

_MARKUP = "<img src=x onerror=alert(1)>"
_KOLKATA = ZoneInfo("Asia/Kolkata")


def _local(time: datetime) -> str:
    """As one types it in the page's zone."""
    return time.astimezone(_KOLKATA).strftime("%Y-%m-%dT%H:%M:%S")


async def test_a_dead_letter_is_looked_at_and_discarded(
    pipeline: Pipeline, server: Server, page: Page
) -> None:
    key = pipeline.ids.mint().encode()
    pipeline.send_raw(POSTS, key, f"{_MARKUP}\x07: {'é' * 2000}".encode(), partition=0)
    pipeline.send_raw(POSTS, key, b"\xff\xfe", partition=0)
    pipeline.flush()
    letters = page.locator("#letters")
    await expect(letters.locator("li")).to_have_count(2)
    topic = pipeline.topic(POSTS)
    name = f"Look at {topic}-0-0"

    await letters.get_by_role("button", name=name).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("heading", name=f"Dead letter {topic}-0-0")).to_be_focused()
    for words in ("not a Post", "UndecodableError", f"{topic}, partition 0, offset 0", "there are 4 kB"):
        await expect(dialog).to_contain_text(words)
    content = dialog.get_by_label("The beginning of its content")
    # 2,000 bytes, of which one would be the half of a letter.
    await expect(content).to_have_text(f"{_MARKUP}␇: {'é' * 984}")
    assert await dialog.locator("img").count() == 0
    await page.keyboard.press("Escape")
    await expect(letters.get_by_role("button", name=name)).to_be_focused()

    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Discard").click()
    sure = page.get_by_role("alertdialog")
    await expect(sure).to_contain_text("Discard one dead letter?")
    await expect(sure).to_contain_text("This cannot be undone.")
    await expect(sure.get_by_role("button", name="Leave it")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog.get_by_role("button", name="Discard")).to_be_focused()
    assert len((await server.get("dead-letters/"))["dead_letters"]) == 2
    await page.keyboard.press("Enter")
    await sure.get_by_role("button", name="Discard").click()
    await expect(letters.get_by_role("status")).to_have_text("Discarded: 1.")
    await expect(letters.locator("li")).to_have_count(1)
    # What was focused is no more.
    await expect(letters.get_by_role("heading")).to_be_focused()
    (left,) = (await server.get("dead-letters/"))["dead_letters"]
    assert left["origin"]["offset"] == 1

    await letters.get_by_role("button", name="Look at").click()
    await expect(dialog.get_by_label("The beginning of its content")).to_have_text("//4=")
    await server.stop()
    await dialog.get_by_role("button", name="Discard").click()
    await expect(dialog.get_by_role("alert")).to_have_text("That did not work: The server does not answer.")
    await dialog.get_by_role("button", name="Close").click()
    await letters.get_by_role("button", name="Look at").click()
    await expect(dialog.get_by_role("status")).to_have_text("The server does not answer.")
    await expect(dialog.get_by_role("button", name="Discard")).to_be_disabled()


async def test_letters_of_a_filter_are_discarded_and_no_others(
    pipeline: Pipeline, server: Server, page: Page
) -> None:
    kinds = [("ingest", "it broke")] * 3 + [("ingest", "Other reasons")] * 4 + [("analyze", "it broke")] * 7
    posts = [pipeline.post(f"Post {n}.") for n in range(len(kinds))]
    send_letters(
        pipeline,
        *(
            letter_of(pipeline, posts[n], n, stage=stage, reason=reason)
            for n, (stage, reason) in enumerate(kinds)
        ),
    )
    letters, sure = page.locator("#letters"), page.get_by_role("alertdialog")
    said = letters.get_by_role("status")
    await expect(letters.locator("li")).to_have_count(6)
    await letters.get_by_role("button", name="Show more").click()
    await expect(letters.locator("li")).to_have_count(12)

    await letters.get_by_label("Stage").select_option("ingest")
    await letters.get_by_label("A part of the reason").fill("OTHER")
    await expect(letters.locator("li")).to_have_count(4)
    await letters.get_by_role("button", name="Discard").click()
    await expect(sure).to_contain_text("Discard 4 dead letters?")
    await sure.get_by_role("button", name="Leave it").click()
    await expect(letters.locator("li")).to_have_count(4)
    await letters.get_by_role("button", name="Discard").click()
    await expect(sure).to_contain_text("Discard 4 dead letters?")
    # One that comes now is not among those of the question.
    send_letters(pipeline, letter_of(pipeline, pipeline.post("Late."), 99, reason="Other reasons"))
    await until("the late one", lambda: len(letters_in(pipeline)) == len(kinds) + 1)
    await sure.get_by_role("button", name="Discard").click()
    await expect(said).to_have_text("Discarded: 4.")
    await expect(letters.locator("li")).to_have_count(1)
    await letters.get_by_role("button", name="Discard").click()
    await sure.get_by_role("button", name="Discard").click()
    await expect(letters).to_contain_text("None of this stage and reason.")
    await letters.get_by_role("button", name="Discard").click()
    await expect(said).to_have_text("There is nothing to discard.")
    stats = await server.get("dead-letters/stats/")
    assert stats["stages"] == {"analyze": 7, "ingest": 3}

    await letters.get_by_label("A part of the reason").fill("")
    await expect(letters.locator("li")).to_have_count(3)
    await letters.get_by_role("button", name="Look at").first.click()
    await expect(page.get_by_text("Post 2.")).to_be_visible()
    await check_access(page)


async def test_a_chosen_time_is_replayed_to_its_end(pipeline: Pipeline, server: Server, page: Page) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for hours, count in ((5, 2), (2, 3), (0, 4)):
        for number in range(count):
            post = pipeline.post(f"{hours} hours ago, {number}.")
            at = round((now - timedelta(hours=hours)).timestamp() * 1000)
            pipeline.send_raw(POSTS, post.post_id.encode(), events.encode(post), timestamp=at, partition=0)
    pipeline.flush()
    pipeline.wait_analyzed(9)
    replays, dialog = page.locator("#replays"), page.get_by_role("dialog", name="New replay")
    sure, go_on = page.get_by_role("alertdialog"), dialog.get_by_role("button", name="Continue")
    first, last = dialog.get_by_label("Received from"), dialog.get_by_label("Until, if not now")
    await replays.get_by_role("button", name="New replay").click()
    await expect(dialog).to_contain_text("Times are in your zone, Asia/")

    # Each error is beside its field, and one is taken there.
    await last.fill(_local(now - timedelta(hours=8)))
    await go_on.click()
    await expect(page.locator("#replay-until-wrong")).to_have_text("until must be later than from.")
    await expect(last).to_be_focused()
    await expect(last).to_have_attribute("aria-invalid", "true")
    await last.fill("")
    rate = dialog.get_by_label("Records a second, at most")
    await rate.fill("0.01")
    await go_on.click()
    await expect(page.locator("#replay-rate-wrong")).to_contain_text("rate is not allowed")
    await expect(page.locator("#replay-until-wrong")).to_be_empty()
    await rate.fill("100")
    await first.fill("")
    await go_on.click()
    await expect(page.locator("#replay-from-wrong")).to_contain_text("one will do")
    await first.fill(_local(now - timedelta(hours=1)))
    await last.fill(_local(now - timedelta(minutes=30)))
    await go_on.click()
    await expect(page.locator("#replay-from-wrong")).to_have_text("The log has no records of this time.")
    await check_access(page)
    await dialog.get_by_label("By id").check()
    await go_on.click()
    await expect(page.locator("#replay-ids-wrong")).to_contain_text("post_ids is not allowed")

    await dialog.get_by_label("Of a time").check()
    begin, end = now - timedelta(hours=3), now - timedelta(hours=1)
    await first.fill(_local(begin))
    await last.fill(_local(end))
    await go_on.click()
    await expect(sure).to_contain_text("3 records of the log are looked at again. At 100 a second")
    await sure.get_by_role("button", name="Leave it").click()
    await go_on.click()
    await sure.get_by_role("button", name="Start").click()
    await expect(replays.get_by_role("button", name="New replay")).to_be_focused()
    done = replays.locator("li[data-state=done]")
    await expect(done).to_contain_text("3 of 3 looked at: 0 changed, 3 not")
    (replay,) = (await server.get("replays/"))["replays"]
    assert [datetime.fromisoformat(replay["selection"][name]) for name in ("from", "until")] == [begin, end]
    assert replay["rate_limit"] == 100

    ids = [post["post_id"] for post in (await server.get("posts/"))["posts"]]
    await replays.get_by_role("button", name="New replay").click()
    await dialog.get_by_label("By id").check()
    await dialog.get_by_label("Ids of posts").fill(f"{ids[0]}\n{ids[1]}, unknown")
    await rate.fill("0.5")
    await go_on.click()
    await expect(sure).to_contain_text("2 records of the log are looked at again. Unknown or deleted: 1 of")
    await sure.get_by_role("button", name="Start").click()
    await expect(replays.locator("li[data-state=running]")).to_contain_text("a second")
    await expect(replays.locator("li").first).to_contain_text("2 of 2 looked at")


async def test_a_generation_is_rebuilt_switched_back_and_dropped(
    pipeline: Pipeline, server: Server, page: Page
) -> None:
    pipeline.send(*(pipeline.post(f"Post {n}.") for n in range(5)))
    pipeline.wait_analyzed(5)
    generations, sure = page.locator("#generations"), page.get_by_role("alertdialog")
    rows = generations.locator("li")
    await expect(rows).to_have_count(1)
    await page.get_by_role("button", name="New replay").click()
    await page.get_by_label("All", exact=True).check()
    await page.get_by_label("Rebuild: into a new generation").check()
    await check_access(page)
    await page.get_by_role("button", name="Continue").click()
    await expect(sure).to_contain_text("Rebuild into a new generation?")
    await expect(sure).to_contain_text("5 records of the log are looked at again")
    await sure.get_by_role("button", name="Start").click()
    replay = page.locator("#replays li")
    await expect(replay).to_contain_text("All posts, into a new generation")
    await expect(replay).to_have_attribute("data-state", "done")
    await expect(rows.nth(1)).to_have_attribute("data-state", "current")
    await expect(rows.nth(0)).to_contain_text("kept until")

    await generations.get_by_role("button", name="Switch to generation 1").click()
    dialog = page.get_by_role("dialog", name="Switch to generation 1?")
    await expect(dialog.get_by_role("row", name="Analyzed")).to_have_text("Analyzed55")
    await expect(dialog).to_contain_text("Both agree")
    await check_access(page)
    await dialog.get_by_role("button", name="Switch", exact=True).click()
    await expect(generations.get_by_role("status")).to_contain_text("Generation 1 is served now")
    await expect(rows.nth(0)).to_have_attribute("data-state", "current")

    pipeline.database["posts.g2"].delete_one({})
    await generations.get_by_role("button", name="Switch to generation 2").click()
    dialog = page.get_by_role("dialog", name="Switch to generation 2?")
    await expect(dialog).to_contain_text("posts 4 instead of 5")
    await expect(dialog.get_by_role("button", name="Switch all the same")).to_be_enabled()
    await dialog.get_by_role("button", name="Leave it").click()

    await expect(rows.nth(1)).to_contain_text("about 4 posts")
    await generations.get_by_role("button", name="Drop generation 2").click()
    await expect(sure).to_contain_text("with about 4 posts and their counts. This cannot be undone.")
    await check_access(page)
    await sure.get_by_role("button", name="Drop").click()
    await expect(rows.nth(1)).to_have_attribute("data-state", "dropping")
    listed = (await server.get("generations/"))["generations"]
    assert [each["status"] for each in listed] == ["current", "dropping"]
    await until(
        "the one that is left to have its posts", lambda: pipeline.database.posts.count_documents({}) == 5
    )
