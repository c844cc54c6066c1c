"""What one sees and does at `/`: posts that appear, a text tried out, each action, whoever looks and on what."""

import asyncio
import re
from zoneinfo import ZoneInfo

from playwright.async_api import Page, expect

from postpulse.topics import POSTS
from tests.e2e.dashboard.conftest import Server, check_access
from tests.pipeline import Pipeline
from tests.waiting import until


async def test_a_post_that_is_sent_appears_by_itself(pipeline: Pipeline, server: Server, page: Page) -> None:
    await expect(page.get_by_text("No posts yet.")).to_be_visible()
    await expect(page.get_by_text("No posts in this time yet.")).to_be_visible()

    markup = "<img src=x onerror=alert(1)>"
    first = await server.send(f"Such a wonderful day! ☕ {markup} #espresso", author="ada")
    post = page.locator(f"#posts-list li[data-id='{first}']")
    await expect(post).to_contain_text(f"Such a wonderful day! ☕ {markup} #espresso")
    await expect(post.locator(".hashtag")).to_have_text("#espresso")
    await expect(post.locator(".badge").first).to_contain_text("positive +0.")
    await expect(post).to_contain_text("English")
    assert await post.locator("img").count() == 0

    await expect(page.locator("#authors")).to_have_text("1")
    await expect(page.locator("#volume")).to_have_text("1")
    await expect(page.locator("#languages-rows")).to_contain_text("English")
    trend = page.get_by_role("row", name="#espresso")
    await expect(trend).to_contain_text("new")
    await expect(page.locator("#series-chart .bar")).to_have_count(25)
    await page.get_by_text("As a table").click()
    sent = pipeline.database.posts.find_one({"_id": first})
    assert sent is not None
    hour = sent["created_at"].astimezone(ZoneInfo("Asia/Kolkata")).strftime("%-d %b, %H:00")
    await expect(page.locator("#series-rows th")).to_have_text(hour)

    await page.get_by_label("1 h", exact=True).check()
    await expect(page.locator("#volume-note")).to_contain_text("in the last hour")
    await page.reload()
    await expect(page.get_by_label("1 h", exact=True)).to_be_checked()
    await page.get_by_role("button", name="Pause").click()
    unseen = await server.send("Nobody sees this one come.")
    await expect(page.locator("#volume")).to_have_text("2")
    await expect(page.locator("#posts-list li")).to_have_count(1)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator("#posts-list li").first).to_have_attribute("data-id", unseen)


async def test_a_text_is_tried_out_and_deleted_again(pipeline: Pipeline, page: Page) -> None:
    await page.get_by_label("A text to analyze").fill("Thanks @mira, the 👩‍🚀 is great! See #space")
    await page.get_by_role("button", name="Publish and analyze").click()
    await expect(page.get_by_text("Analyzed.", exact=True)).to_be_visible()
    for step in ("Kafka acknowledged in", "Workers analyzed in one piece", "Served"):
        await expect(page.locator("#way-steps")).to_contain_text(step)
    found = page.locator("#way-result")
    # The places of entities count code points; an astronaut is three of them.
    assert await found.locator(".entity").all_text_contents() == ["@mira", "👩‍🚀", "#space"]
    await expect(found).to_contain_text("positive +0.")
    await expect(page.locator("#posts-list li")).to_have_count(1)

    await page.get_by_role("button", name="Delete this post").click()
    await expect(page.get_by_text("Deleted: the post, its analysis")).to_be_visible()
    await expect(page.locator("#posts-list li")).to_have_count(0)
    assert pipeline.database.posts.count_documents({"state": "deleted"}) == 1

    long = " ".join(f"Sentence {number} is a good one." for number in range(2000))
    await page.get_by_label("A text to analyze").fill(long)
    await page.get_by_role("button", name="Publish and analyze").click()
    await expect(page.locator("#way-steps")).to_contain_text("chunks, merged")


async def test_the_words_that_made_the_sentiment_are_told_and_marked(page: Page) -> None:
    await page.get_by_label("A text to analyze").fill(
        "I love this 😂 and I LOVE, love it! ❤️ The queue was terrible, glovelike: sad :( #great"
    )
    await page.get_by_role("button", name="Publish and analyze").click()
    found = page.locator("#way-result")
    told = found.locator(".facts").get_by_role("listitem")
    await expect(told.first).to_have_text(re.compile(r"^▲ love \+\d+\.\d\d$"))
    said = await told.all_text_contents()
    assert {word.split()[1]: word[0] for word in said if "joy" not in word} == {
        "love": "▲",
        "❤": "▲",
        "great": "▲",
        ":(": "▼",
        "sad": "▼",
        "terrible": "▼",
        "😂": "▼",
    }
    assert sum("😂 joy +" in word for word in said) == 1
    marks = found.locator(".text")
    assert await marks.locator(".positive").all_text_contents() == [
        "love",
        "😂",
        "LOVE",
        "love",
        "❤️",
        "great",
    ]
    assert await marks.locator(".negative").all_text_contents() == ["terrible", "sad", ":("]
    assert await marks.locator(".hashtag .charged").text_content() == "great"
    styles = [
        await marks.locator(kind).first.evaluate("each => getComputedStyle(each).textDecorationStyle")
        for kind in (".positive", ".negative")
    ]
    assert styles == ["solid", "dotted"]

    await page.get_by_label("A text to analyze").fill("The train leaves at nine in the morning.")
    await page.get_by_role("button", name="Publish and analyze").click()
    await expect(found).to_contain_text("neutral 0.00")
    await expect(found).not_to_contain_text("Words that made")
    # Posts that an older version analyzed say nothing of words.
    older = """import("/dashboard/marks.js").then(({ marked, reasons }) =>
        [reasons({}), reasons({ sentiment_words: null }), ...marked("good", [], undefined)])"""
    assert await page.evaluate(older) == [None, None, "good"]


async def test_the_pipeline_is_seen_and_worked(pipeline: Pipeline, server: Server, page: Page) -> None:
    for number in range(20):
        await server.send(f"Post {number}")
    for topic in ("posts.v1", "posts-replay.v1"):
        await expect(page.get_by_role("row", name=topic)).to_be_visible()
    await expect(page.locator("#health-rows")).to_contain_text("a primary answers")
    await expect(page.locator("#generations")).to_contain_text("Generation 1")

    await expect(page.get_by_text("None. Every record could be processed.")).to_be_visible()
    pipeline.send_raw(POSTS, b"no-post", b"garbage")
    pipeline.flush()
    letters = page.locator("#letters")
    await expect(letters.locator("li")).to_contain_text("ingest gave up")
    await letters.get_by_label("Stage").select_option("ingest")
    await letters.get_by_role("button", name="Redrive").click()
    sure = page.get_by_role("alertdialog")
    await expect(sure).to_contain_text("Redrive one dead letter?")
    await page.keyboard.press("Escape")
    await expect(sure).to_be_hidden()
    await letters.get_by_role("button", name="Redrive").click()
    await sure.get_by_role("button", name="Redrive").click()
    await expect(letters.get_by_role("status")).to_have_text("Redriven: 1.")
    await expect(letters.locator("li")).to_contain_text("attempt 2")

    pipeline.wait_analyzed(20)
    replays = page.locator("#replays")
    await replays.get_by_role("button", name="New replay").click()
    await page.get_by_label("All", exact=True).check()
    await page.get_by_role("button", name="Continue").click()
    await expect(sure).to_contain_text("22 records of the log are looked at again")
    await sure.get_by_role("button", name="Start").click()
    await expect(replays.get_by_role("status")).to_have_text("The replay was asked for.")
    await expect(replays.locator("li[data-state=done]")).to_contain_text("22 of 22 looked at")
    await server.replay(all=True, rate=0.1)
    await expect(replays.locator("li[data-state=running]")).to_be_visible()
    await replays.get_by_role("button", name="Cancel").click()
    await expect(sure).to_contain_text("What it has corrected so far stays so.")
    await sure.get_by_role("button", name="Cancel it").click()
    await expect(replays.locator("li[data-state=cancelled]")).to_be_visible()
    states = [replay["state"] for replay in pipeline.database.replays.find().sort("_id")]
    assert states == ["done", "cancelled"]


async def test_a_server_that_goes_away_is_told_and_what_came_meanwhile_is_shown(
    pipeline: Pipeline, server: Server, page: Page
) -> None:
    await server.send("Before it went.")
    await expect(page.locator("#posts-list li")).to_have_count(1)
    await server.stop()
    await expect(page.get_by_role("alert")).to_have_text(
        "The server does not answer. This page keeps trying."
    )
    await expect(page.locator("#live")).to_have_text("Connecting")
    # What was there is still to be seen.
    await expect(page.locator("#posts-list li")).to_have_count(1)
    pipeline.send(pipeline.post("While it was away."))
    await asyncio.to_thread(pipeline.wait_analyzed, 2)
    await server.start()
    await expect(page.locator("#live")).to_have_text("Live")
    await expect(page.locator("#posts-list")).to_contain_text("While it was away.")
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_everybody_can_use_it_on_any_screen(pipeline: Pipeline, server: Server, page: Page) -> None:
    pipeline.send_raw(POSTS, b"no-post", b"garbage" * 500)
    for text in ("I love this #day!", "I hate it.", "The train is late.", "Ein Satz auf Deutsch.", "w" * 300):
        await server.send(text, author="a-rather-long-name-of-an-author" * 3)
    await server.replay(all=True)
    await expect(page.locator("#posts-list li")).to_have_count(5)
    await expect(page.locator("#letters li")).to_have_count(1)
    await expect(page.locator("#replays li[data-state=done]")).to_be_visible()
    await page.get_by_role("button", name="Publish and analyze").click()
    await expect(page.get_by_role("button", name="Delete this post")).to_be_visible()
    await check_access(page)

    await page.goto(f"{server.address}/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    reached: set[str] = set()

    async def all_reached() -> bool:
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.id || document.activeElement.name"))
        return reached >= {
            "window",
            "trends-kind",
            "posts-pause",
            "compose-text",
            "letters-stage",
            "letters-reason",
            "letters-redrive",
            "letters-discard",
            "replay-new",
        }

    await until("each control to be reached by keyboard", all_reached)
