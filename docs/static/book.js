// What is wider than the page scrolls: by keys, too.
for (const box of document.querySelectorAll("pre, .table-wrapper, .formula"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
