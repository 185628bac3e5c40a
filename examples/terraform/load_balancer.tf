# One load balancer for all four ways to ship: each has listeners and target groups of its own.

locals {
  protocol   = var.certificate_arn == null ? "HTTP" : "HTTPS"
  ssl_policy = var.certificate_arn == null ? null : "ELBSecurityPolicy-TLS13-1-2-2021-06"

  # Two groups where traffic is moved from one to the other, one where tasks are replaced in place.
  target_groups = toset(["rolling", "blue", "green", "stable", "canary"])
}

resource "aws_lb" "main" {
  name               = var.name
  load_balancer_type = "application"
  security_groups    = [aws_security_group.load_balancer.id]
  subnets            = aws_subnet.public[*].id
}

resource "aws_lb_target_group" "app" {
  for_each = local.target_groups

  name                 = "${var.name}-${each.key}"
  port                 = 8080
  protocol             = "HTTP"
  vpc_id               = aws_vpc.main.id
  target_type          = "ip"
  deregistration_delay = 5

  health_check {
    path                = "/health"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
