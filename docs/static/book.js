// What is wider than the page scrolls: by keys, too.
for (const box of document.querySelectorAll("pre, .table-wrapper, .formula"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;

// What a screen reader asks of the theme: how deep a heading is, which side is which.
for (const caption of document.querySelectorAll(".caption[role=heading]")) caption.ariaLevel = "2";
for (const [side, name] of [[".sidebar-drawer", "All pages"], [".toc-drawer", "On this page"]])
    document.querySelector(side)?.setAttribute("aria-label", name);
