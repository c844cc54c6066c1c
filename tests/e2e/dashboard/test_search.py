"""Posts found by their words, where there is an index of them."""

import pytest
from playwright.async_api import Page, expect

from postpulse.settings import Settings
from tests.e2e.dashboard.conftest import Server, check_access
from tests.pipeline import Pipeline


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"mongo": settings.mongo.model_copy(update={"text_index": "on"})})


async def test_posts_are_found_by_words_and_new_ones_come(
    pipeline: Pipeline, server: Server, page: Page
) -> None:
    for content in ("The coffee shop is open.", "A shop for tea.", "Coffee at home."):
        await server.send(content)
    posts, chip, field = (
        page.locator("#posts-list li"),
        page.locator("#posts-only"),
        page.get_by_label("Words in posts"),
    )
    await expect(posts).to_have_count(3)
    await field.fill("coffee shop")
    await field.press("Enter")
    await expect(chip).to_contain_text("only “coffee shop”")
    await expect(posts).to_have_count(1)
    await expect(posts).to_contain_text("The coffee shop is open.")
    assert page.url == f"{server.address}/?text=coffee+shop"
    edited = await posts.get_attribute("data-id")
    await server.send("Another SHOP, another coffee!")
    await server.send("Another shop.")
    await expect(posts).to_have_count(2)
    await expect(posts.first).to_contain_text("Another SHOP")
    pipeline.send(pipeline.post("The coffee bar is open.", post_id=edited))
    await expect(posts).to_have_count(1)

    await field.fill(" ".join(f"word{number}" for number in range(11)))
    await field.press("Enter")
    wrong = page.locator("#posts-text-wrong")
    await expect(wrong).to_have_text("text must have 1 to 10 different words, not 11.")
    await expect(field).to_be_focused()
    await check_access(page)
    # What was looked at is looked at still.
    await expect(posts).to_have_count(1)
    await page.reload()
    await expect(field).to_have_value("coffee shop")
    await expect(posts).to_have_count(1)
    await field.fill("")
    await expect(posts).to_have_count(5)
    await expect(chip).to_be_hidden()

    await page.get_by_label("What is trending").select_option("keywords")
    await page.locator("#trends").get_by_role("button", name="tea").click()
    await expect(field).to_have_value("tea")
    await expect(posts).to_have_count(1)
