import { chromium } from "playwright-core";
const b = await chromium.launch({executablePath:"/usr/bin/chromium",headless:true,args:["--no-sandbox","--disable-gpu","--disable-quic","--no-first-run","--disable-background-networking","--disable-component-update","--disable-sync"]});
for (const scheme of ["light","dark"]) {
const p = await b.newPage({viewport:{width:1200,height:820},colorScheme:scheme});
p.on("console",m=>console.log("console:",m.text())); p.on("pageerror",e=>console.log("pageerror",e));
p.on("websocket",ws=>{console.log(ws.url()); });
await p.goto("http://127.0.0.1:8099/#token=alice");
await p.waitForSelector('.pane[data-state="live"]:nth-child(2)');
await p.locator("textarea").first().click();
await p.keyboard.press("Control+End"); await p.keyboard.type("Typed on the left 😀.");
await p.waitForTimeout(300);
await p.screenshot({path:`/tmp/w/scratch-web/${scheme}.png`});
}
const p = await b.newPage({viewport:{width:400,height:900}}); await p.goto("http://127.0.0.1:8099/#token=forged"); await p.waitForTimeout(800); await p.screenshot({path:`/tmp/w/scratch-web/forged.png`});
await b.close();
